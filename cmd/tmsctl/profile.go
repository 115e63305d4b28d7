package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"regent/agent/suggest"
	"regent/agent/tms"
	"regent/agent/tms/admin"
)

// profile replaces the flags of the same names. It has no key for a secret, only for
// files with secrets.
type profile struct {
	Tenant            string `yaml:"tenant" json:"tenant"`
	Proxy             string `yaml:"proxy,omitempty" json:"proxy,omitempty"`
	CAFile            string `yaml:"ca_file,omitempty" json:"ca_file,omitempty"`
	User              string `yaml:"user,omitempty" json:"user,omitempty"`
	PasswordFile      string `yaml:"password_file,omitempty" json:"password_file,omitempty"`
	ClientCredentials bool   `yaml:"client_credentials,omitempty" json:"client_credentials,omitempty"`
	ClientID          string `yaml:"client_id,omitempty" json:"client_id,omitempty"`
	ClientSecretFile  string `yaml:"client_secret_file,omitempty" json:"client_secret_file,omitempty"`
	Issuer            string `yaml:"issuer,omitempty" json:"issuer,omitempty"`
	Request           string `yaml:"request,omitempty" json:"request,omitempty"` // as --request; written by tmsctl too
}

// profiles is the file of them.
type profiles struct {
	Default  string             `yaml:"default"` // taken when none is named; "" is none
	Profiles map[string]profile `yaml:"profiles"`
}

// profilesFile is where they are: $TMSCTL_PROFILES, or in the person's own configuration.
func (t *tool) profilesFile() (string, error) {
	if name := t.getenv("TMSCTL_PROFILES"); name != "" {
		return name, nil
	}
	dir, err := t.configDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "tmsctl", "profiles.yaml"), nil
}

// readProfiles returns none where there is no file.
func (t *tool) readProfiles() (profiles, string, error) {
	name, err := t.profilesFile()
	if err != nil { // a system account without a home has no profiles
		return profiles{}, "", nil //nolint:nilerr // see above
	}
	content, err := os.ReadFile(name) //nolint:gosec // the person's own file
	if errors.Is(err, fs.ErrNotExist) {
		return profiles{}, name, nil
	}
	if err != nil {
		return profiles{}, name, usagef("profiles: %v", err)
	}
	if err := t.checkProfilesFile(name); err != nil {
		return profiles{}, name, err
	}
	p, err := parseProfiles(content)
	if err != nil {
		return profiles{}, name, usagef("%s: %v", name, err)
	}
	return p, name, nil
}

func parseProfiles(content []byte) (profiles, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(content, &root); err != nil {
		return profiles{}, profilesError(err)
	}
	if err := plainKeys(&root); err != nil {
		return profiles{}, err
	}
	var p profiles
	d := yaml.NewDecoder(bytes.NewReader(content))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil && !errors.Is(err, io.EOF) {
		return profiles{}, profilesError(err)
	}
	return p, nil
}

// plainKeys refuses keys that are not plain words. The decoder panics at a merge of a
// mapping with another key.
func plainKeys(n *yaml.Node) error {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && (child.Kind != yaml.ScalarNode || child.Tag == "!!merge") {
			return fmt.Errorf("line %d: a key must be a word", child.Line)
		}
		if err := plainKeys(child); err != nil {
			return err
		}
	}
	return nil
}

// names are the names of the profiles, sorted.
func (p profiles) names() []string { return slices.Sorted(maps.Keys(p.Profiles)) }

// unknown is the error that there is no such profile.
func (p profiles) unknown(name, file string) error {
	if len(p.Profiles) == 0 {
		return usagef("there is no profile %q in %s\nto add it: tmsctl profile add PROFILE --tenant URL --user USER", name, file)
	}
	return usagef("there is no profile %q in %s%s\nthe file has: %s", name, file, suggest.DidYouMean(name, p.names()), strings.Join(p.names(), ", "))
}

// useProfile sets the flags that the command line does not set. With --tenant it does not
// use the default profile.
func (t *tool) useProfile(c *cobra.Command) error {
	p, file, err := t.readProfiles()
	if err != nil {
		return err
	}
	name := cmp.Or(t.flags.named, t.getenv("TMSCTL_PROFILE"))
	if name == "" && t.flags.Tenant == "" && t.getenv("TMSCTL_TENANT") == "" {
		name = p.Default
	}
	if name == "" {
		return nil
	}
	chosen, ok := p.Profiles[name]
	if !ok {
		return p.unknown(name, file)
	}
	given := c.Flags().Changed
	t.profileName, t.learn = name, chosen.Request == "" || given("request") && chosen.Request != tms.Auto
	t.flags.fill(chosen, given)
	return nil
}

// fill sets each flag that was not given. If a flag names another login, it takes no
// login from the profile.
func (f *globalFlags) fill(p profile, given func(string) bool) {
	set := func(flag string, to *string, value string) {
		if !given(flag) && value != "" {
			*to = value
		}
	}
	set("tenant", &f.Tenant, p.Tenant)
	set("proxy", &f.Proxy, p.Proxy)
	set("ca-file", &f.CAFile, p.CAFile)
	set("request", &f.Request, p.Request)
	set("issuer", &f.Issuer, p.Issuer)
	if slices.ContainsFunc([]string{"user", "client-credentials", "client-id"}, given) {
		return
	}
	f.ClientCredentials = p.ClientCredentials
	set("user", &f.User, p.User)
	set("password-file", &f.PasswordFile, p.PasswordFile)
	set("client-id", &f.ClientID, p.ClientID)
	set("client-secret-file", &f.ClientSecretFile, p.ClientSecretFile)
}

func (t *tool) listProfiles() error {
	p, file, err := t.readProfiles()
	if err != nil {
		return err
	}
	all := t.printable(p, file)
	if _, ok := p.Profiles[p.Default]; !ok && p.Default != "" {
		t.say("tmsctl: warning: the default profile %s does not exist. %s\n", tableCell(p.Default), p.chooseDefault())
	}
	if t.flags.json {
		return t.printJSON(map[string]any{"file": file, "default": p.Default, "profiles": all})
	}
	rows := [][]string{{"PROFILE", "TENANT", "AS", ""}}
	for _, name := range p.names() {
		one, note := p.Profiles[name], ""
		if name == p.Default {
			note = "default"
		}
		as := one.User
		switch {
		case one.ClientCredentials:
			as = "client " + one.ClientID
		case as == "":
			as = "by browser"
		}
		rows = append(rows, []string{name, one.Tenant, as, note})
	}
	if len(rows) == 1 {
		rows = nil
	}
	return t.printf("%s%s in %s\n", columns(rows), counted(len(p.Profiles), "profile"), file)
}

// saveRequestForm stores the form of bodies that the service accepts in the profile. If
// it cannot, it prints a note, and the next command tries the forms again.
func (t *tool) saveRequestForm(c *admin.Client) {
	form := c.BodyForm()
	if !t.learn || t.flags.Request != tms.Auto || form == tms.Auto {
		return
	}
	t.learn = false
	if _, err := t.editProfiles(setRequestForm(t.profileName, form)); err != nil {
		t.say("tmsctl: note: %s takes %s bodies; tmsctl cannot save this in profile %s: %v\n", c.Host(), form, t.profileName, err)
		return
	}
	t.say("tmsctl: note: %s takes %s bodies; kept as request: %[2]s in profile %[3]s\n", c.Host(), form, t.profileName)
}
