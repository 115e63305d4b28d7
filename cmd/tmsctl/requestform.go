package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"regent/agent/tms"
	"regent/agent/tms/admin"
)

// saveRequestForm keeps in the profile the form of bodies that the service was found to
// take. If it cannot, that is said, and found out again next time.
func (t *tool) saveRequestForm(c *admin.Client) {
	form := c.BodyForm()
	if !t.learn || t.flags.request != tms.Auto || form == tms.Auto {
		return
	}
	t.learn = false
	file, err := t.profilesFile()
	if err == nil {
		err = editFile(file, func(content []byte) ([]byte, error) { return setRequestForm(content, t.profileName, form) })
	}
	if err != nil {
		t.say("tmsctl: note: %s takes %s bodies; this cannot be kept in profile %s: %v\n", c.Host(), form, t.profileName, err)
		return
	}
	t.say("tmsctl: note: %s takes %s bodies; kept as request: %[2]s in profile %[3]s\n", c.Host(), form, t.profileName)
}

// setRequestForm returns the file of profiles in which one has this key request.
func setRequestForm(content []byte, name, form string) ([]byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(content, &root); err != nil {
		return nil, err
	}
	if len(root.Content) != 1 {
		return nil, errors.New("no profiles")
	}
	profile := member(member(root.Content[0], "profiles"), name)
	if profile == nil || profile.Kind != yaml.MappingNode {
		return nil, errors.New("the profile is written in a way that tmsctl does not edit")
	}
	if value := member(profile, "request"); value != nil {
		value.SetString(form)
	} else {
		var key, value yaml.Node
		key.SetString("request")
		value.SetString(form)
		profile.Content = append(profile.Content, &key, &value)
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&root); err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	if _, err := parseProfiles(b.Bytes()); err != nil {
		return nil, fmt.Errorf("[unexpected] %w", err)
	}
	return b.Bytes(), nil
}

// member is the value of a key of a mapping, nil if there is none.
func member(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// editFile replaces a file as a whole, where it is, with the mode that it has.
func editFile(name string, edit func([]byte) ([]byte, error)) error {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if content, err = edit(content); err != nil {
		return err
	}
	return replaceFile(name, content, info.Mode().Perm())
}
