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
	"regent/agent/token"
)

// hostChecker holds a configuration that is well-formed against this machine: what it
// names may be missing here, and come later, so a finding is a warning. It is
// fatal if a file is here and regentd would not use it.
type hostChecker struct {
	// userID and groupID return the id that belongs to a name, "" if there is none.
	userID, groupID func(name string) (string, error)
	readFile        func(name string) ([]byte, error)
	readCredentials func(name string) (token.Secret, error)
	stat            func(name string) (fs.FileInfo, error)
	checkWriters    func(name string) ([]permissionWarning, error)
	system          string // as Go calls it
}

func newHostChecker() hostChecker {
	return hostChecker{
		userID:       userID,
		groupID:      groupID,
		readFile:     readCertificates,
		stat:         os.Stat,
		checkWriters: checkOwnWriters,
		system:       runtime.GOOS,

		readCredentials: readCredentials,
	}
}

// check returns what cannot work as things are.
func (m hostChecker) check(res policy.Resolved) []policy.Problem {
	var found []policy.Problem
	warn := func(key, text string) {
		if text != "" {
			p, _ := res.Provenance(key)
			found = append(found, policy.Problem{Origin: p.Origin, Key: key, Text: text})
		}
	}
	s := res.Settings
	found = append(found, m.checkFiles(res)...)
	warn("registration_token_file", m.checkDirectory(s.RegistrationTokenFile))
	for _, a := range s.Applications {
		key := "applications." + a.ID
		warn(key+".registration_token_file", m.checkDirectory(a.RegistrationTokenFile))
		for _, rule := range a.Allow {
			for _, text := range m.checkRule(rule) {
				warn(key+".allow", text)
			}
		}
	}
	return found
}

// checkFiles is what is to be said of the files that lead to the service.
func (m hostChecker) checkFiles(res policy.Resolved) (found []policy.Problem) {
	say := func(key string, told []fileWarning) {
		p, _ := res.Provenance(key)
		for _, r := range told {
			found = append(found, policy.Problem{Origin: p.Origin, Key: key, Text: r.text, Fatal: r.refused})
		}
	}
	n := res.Settings.Network
	say("network.ca_file", append(m.checkFileWriters(n.CAFile), m.checkCertificates(n.CAFile)...))
	say("network.proxy_credentials_file", append(m.checkFileWriters(n.ProxyCredentialsFile), m.checkCredentials(n.ProxyCredentialsFile)...))
	return found
}

// fileWarning is said of a file; refused says that regentd does not use it.
type fileWarning struct {
	text    string
	refused bool
}

// checkFileWriters says who else may write a file, or put another in its place.
func (m hostChecker) checkFileWriters(name string) (told []fileWarning) {
	if name == "" {
		return nil
	}
	doubts, err := m.checkWriters(name)
	for _, d := range doubts {
		told = append(told, fileWarning{name + " " + d.text, false})
	}
	if _, missing := errors.AsType[*fs.PathError](err); err != nil && !missing {
		told = append(told, fileWarning{name + " " + err.Error() + "; until then it is not used", true})
	}
	return told
}

// checkCertificates says what of a file of certificates is not used, or is of no use.
func (m hostChecker) checkCertificates(name string) (told []fileWarning) {
	if name == "" {
		return nil
	}
	data, err := m.readFile(name)
	if err != nil {
		return []fileWarning{{name + " " + bareError(err).Error() + "; put the certificates there, or correct the key", !errors.Is(err, fs.ErrNotExist)}}
	}
	b, err := tms.ReadBundle(data, now())
	if err != nil {
		return []fileWarning{{name + " " + err.Error(), true}}
	}
	for _, r := range b.Remarks {
		told = append(told, fileWarning{fmt.Sprintf("%s:%d: %s", name, r.Line, r.Text), false})
	}
	return told
}

// checkCredentials says why a file of a proxy's credentials is not used. A person whom
// the file is closed to cannot tell.
func (m hostChecker) checkCredentials(name string) []fileWarning {
	if name == "" {
		return nil
	}
	_, err := m.readCredentials(name)
	if err == nil {
		return nil
	}
	return []fileWarning{{name + " " + err.Error(), !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission)}}
}

func (m hostChecker) checkDirectory(name string) string {
	if name == "" {
		return ""
	}
	dir := filepath.Dir(name)
	if _, err := m.stat(dir); errors.Is(err, fs.ErrNotExist) {
		return "the directory " + dir + " does not exist; make it, or correct the key"
	}
	return ""
}
