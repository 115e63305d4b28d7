package main

import (
	"bytes"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"

	"regent/agent/authz"
	"regent/agent/policy"
)

// sanity holds a configuration that is well-formed against this machine: what it
// names may be missing here, and come later, so each finding is a warning.
type sanity struct {
	userExists, groupExists func(name string) bool
	readFile                func(name string) ([]byte, error)
	stat                    func(name string) (fs.FileInfo, error)
	system                  string // as Go calls it
}

func thisMachine() sanity {
	return sanity{
		userExists:  func(name string) bool { _, err := user.Lookup(name); return err == nil },
		groupExists: func(name string) bool { _, err := user.LookupGroup(name); return err == nil },
		readFile:    os.ReadFile,
		stat:        os.Stat,
		system:      runtime.GOOS,
	}
}

// check returns what cannot work as things are.
func (m sanity) check(res policy.Resolved) []policy.Problem {
	var found []policy.Problem
	warn := func(key, text string) {
		if text != "" {
			p, _ := res.Provenance(key)
			found = append(found, policy.Problem{Origin: p.Origin, Key: key, Text: text})
		}
	}
	s := res.Settings
	warn("network.ca_file", m.certificates(s.Network.CAFile))
	warn("registration_token_file", m.directoryOf(s.RegistrationTokenFile))
	for _, a := range s.Applications {
		key := "applications." + a.ID
		warn(key+".registration_token_file", m.directoryOf(a.RegistrationTokenFile))
		for _, rule := range a.Allow {
			for _, text := range m.rule(rule) {
				warn(key+".allow", text)
			}
		}
	}
	return found
}

// certificates says what is wrong with a file of certificates.
func (m sanity) certificates(name string) string {
	if name == "" {
		return ""
	}
	data, err := m.readFile(name)
	if err != nil {
		return name + " " + cause(err).Error() + "; put the certificates there, or correct the key"
	}
	for len(data) > 0 {
		var block *pem.Block
		if block, data = pem.Decode(bytes.TrimSpace(data)); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			return ""
		}
	}
	return name + " holds no certificate in PEM form; convert it, or correct the key"
}

func (m sanity) directoryOf(name string) string {
	if name == "" {
		return ""
	}
	dir := filepath.Dir(name)
	if _, err := m.stat(dir); errors.Is(err, fs.ErrNotExist) {
		return "the directory " + dir + " does not exist; make it, or correct the key"
	}
	return ""
}

// interpreters run what others wrote: a rule that names one names them all.
var interpreters = regexp.MustCompile(`^(a|ba|c|da|k|tc|z)?sh$|^(python|perl|ruby|node|nodejs|php|lua|java|dotnet|mono|env|busybox|powershell|pwsh)[0-9.]*(\.exe)?$`)

// rule says what of a rule admits nobody, or more than it seems to.
func (m sanity) rule(r authz.Rule) []string {
	var texts []string
	for _, name := range r.Users {
		if !isNumber(name) && !m.userExists(name) {
			texts = append(texts, "no user "+name+" is known here, so it admits nobody; make it, correct the name, or write the number of a user whom only a directory service knows")
		}
	}
	for _, name := range r.Groups {
		if !isNumber(name) && !m.groupExists(name) {
			texts = append(texts, "no group "+name+" is known here, so it admits nobody; make it, correct the name, or write the number of a group that only a directory service knows")
		}
	}
	for _, e := range r.Executables {
		if interpreters.MatchString(filepath.Base(e.Path)) {
			texts = append(texts, e.Path+" runs any script, so whoever may start it is admitted; name a program of the application's own, or units, users or groups")
		} else if _, err := m.stat(e.Path); errors.Is(err, fs.ErrNotExist) {
			texts = append(texts, e.Path+" does not exist here yet; if it never will, correct the path")
		}
	}
	return append(texts, m.foreign(r)...)
}

// interpreterSigners are who sign what runs any script.
var interpreterSigners = regexp.MustCompile(`(^|, )(O|CN)="?(Microsoft (Corporation|Windows)|Python Software Foundation|OpenJS Foundation|Oracle America, Inc\.|Eclipse\.org Foundation, Inc\.)"?(,|$)`)

// foreign says what of a rule is of another system's, or of everybody's programs.
func (m sanity) foreign(r authz.Rule) []string {
	var texts []string
	if len(r.Units) > 0 && m.system != "linux" {
		texts = append(texts, "units are systemd's, which is not supported on this system, so the rule admits nobody here; name users, groups or executables in a rule for it")
	}
	if len(r.Signers) > 0 && m.system != "windows" {
		texts = append(texts, "signers are of Authenticode, which is not supported on this system, so the rule admits nobody here; name users, groups or executables in a rule for it")
	}
	if len(r.Signers) > 0 && len(r.Executables)+len(r.Users)+len(r.Groups) == 0 {
		texts = append(texts, "signers alone keep no local user out: whoever may start a signed program can debug it, or bring it to run what they like; name executables, users or groups in the same rule")
	}
	for _, s := range r.Signers {
		if interpreterSigners.MatchString(s) && len(r.Executables) == 0 {
			texts = append(texts, s+" also signs what runs any script, so whoever may start that is admitted; name executables in the same rule")
		}
	}
	return texts
}

func isNumber(name string) bool {
	_, err := strconv.ParseUint(name, 10, 32)
	return err == nil
}
