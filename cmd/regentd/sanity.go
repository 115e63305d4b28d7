package main

import (
	"bytes"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"regent/agent/policy"
)

// sanity holds a configuration that is well-formed against this machine: what it
// names may be missing here, and come later, so each finding is a warning.
type sanity struct {
	// userID and groupID return the id that belongs to a name, "" if there is none.
	userID, groupID func(name string) (string, error)
	readFile        func(name string) ([]byte, error)
	stat            func(name string) (fs.FileInfo, error)
	system          string // as Go calls it
}

func thisMachine() sanity {
	return sanity{
		userID:   userID,
		groupID:  groupID,
		readFile: os.ReadFile,
		stat:     os.Stat,
		system:   runtime.GOOS,
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
