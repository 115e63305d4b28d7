package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"regent/agent/policy"
	"regent/agent/tms"
)

// sanity holds a configuration that is well-formed against this machine: what it
// names may be missing here, and come later, so each finding is a warning.
type sanity struct {
	// userID and groupID return the id that belongs to a name, "" if there is none.
	userID, groupID func(name string) (string, error)
	readFile        func(name string) ([]byte, error)
	stat            func(name string) (fs.FileInfo, error)
	strangers       func(name string) ([]doubt, error)
	system          string // as Go calls it
}

func thisMachine() sanity {
	return sanity{
		userID:    userID,
		groupID:   groupID,
		readFile:  readCertificates,
		stat:      os.Stat,
		strangers: strangers,
		system:    runtime.GOOS,
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
	found = append(found, m.files(res)...)
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

// files is what is to be said of the files that lead to the service.
func (m sanity) files(res policy.Resolved) (found []policy.Problem) {
	say := func(key string, texts []string) {
		p, _ := res.Provenance(key)
		for _, text := range texts {
			found = append(found, policy.Problem{Origin: p.Origin, Key: key, Text: text})
		}
	}
	n := res.Settings.Network
	say("network.ca_file", append(m.writers(n.CAFile), m.certificates(n.CAFile)...))
	say("network.proxy_credentials_file", m.writers(n.ProxyCredentialsFile))
	return found
}

// writers says who else may write a file, or put another in its place.
func (m sanity) writers(name string) (texts []string) {
	if name == "" {
		return nil
	}
	told, err := m.strangers(name)
	for _, d := range told {
		texts = append(texts, name+" "+d.text)
	}
	if _, missing := errors.AsType[*fs.PathError](err); err != nil && !missing {
		texts = append(texts, name+" "+err.Error()+"; until then it is not used")
	}
	return texts
}

// certificates says what of a file of certificates is not used, or is of no use.
func (m sanity) certificates(name string) []string {
	if name == "" {
		return nil
	}
	data, err := m.readFile(name)
	if err != nil {
		return []string{name + " " + cause(err).Error() + "; put the certificates there, or correct the key"}
	}
	b, err := tms.ReadBundle(data, now())
	if err != nil {
		return []string{name + " " + err.Error()}
	}
	var texts []string
	for _, r := range b.Remarks {
		texts = append(texts, fmt.Sprintf("%s:%d: %s", name, r.Line, r.Text))
	}
	return texts
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
