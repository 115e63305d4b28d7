package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"

	"regent/agent/policy"
	"regent/agent/tms"
	"regent/agent/token"
	"regent/platform/peer"
)

// hostChecker holds a configuration that is well-formed against this machine. A file
// that is here and that regentd would not use is fatal.
type hostChecker struct {
	policy.Device
	readCredentials func(name string) (token.Secret, error)
	checkWriters    func(name string) ([]permissionWarning, error)
}

func newHostChecker() hostChecker {
	return hostChecker{
		Device:          policy.Device{System: runtime.GOOS, UserID: peer.UserID, GroupID: peer.GroupID, ReadFile: readCertificates, IsMissing: isMissing},
		readCredentials: readCredentials, checkWriters: checkOwnWriters,
	}
}

func isMissing(name string) bool {
	_, err := os.Stat(name)
	return errors.Is(err, fs.ErrNotExist)
}

// check returns what cannot work as things are.
func (m hostChecker) check(res policy.Resolved) []policy.Problem {
	return slices.Concat(m.checkFiles(res), m.Check(res))
}

// checkFiles is what is to be said of the files that lead to the service.
func (m hostChecker) checkFiles(res policy.Resolved) (found []policy.Problem) {
	say := func(key string, told []policy.Problem) {
		p, _ := res.Provenance(key)
		for _, r := range told {
			r.Origin, r.Key = p.Origin, key
			found = append(found, r)
		}
	}
	n := res.Settings.Network
	say("network.ca_file", append(m.checkFileWriters(n.CAFile), m.checkCertificates(n.CAFile)...))
	say("network.proxy_credentials_file", append(m.checkFileWriters(n.ProxyCredentialsFile), m.checkCredentials(n.ProxyCredentialsFile)...))
	return found
}

// checkFileWriters says who else may write a file, or put another in its place.
func (m hostChecker) checkFileWriters(name string) (told []policy.Problem) {
	if name == "" {
		return nil
	}
	doubts, err := m.checkWriters(name)
	for _, d := range doubts {
		told = append(told, policy.Problem{Text: name + " " + d.text})
	}
	if _, missing := errors.AsType[*fs.PathError](err); err != nil && !missing {
		told = append(told, policy.Problem{Text: name + " " + err.Error() + "; until then it is not used", Fatal: true})
	}
	return told
}

// checkCertificates says what of a file of certificates is not used, or is of no use.
func (m hostChecker) checkCertificates(name string) (told []policy.Problem) {
	if name == "" {
		return nil
	}
	data, err := m.ReadFile(name)
	if err != nil {
		return []policy.Problem{{Text: name + " " + bareError(err).Error() + "; put the certificates there, or correct the key", Fatal: !errors.Is(err, fs.ErrNotExist)}}
	}
	b, err := tms.ReadBundle(data, now())
	if err != nil {
		return []policy.Problem{{Text: name + " " + err.Error(), Fatal: true}}
	}
	for _, r := range b.Remarks {
		told = append(told, policy.Problem{Text: fmt.Sprintf("%s:%d: %s", name, r.Line, r.Text)})
	}
	return told
}

// checkCredentials says why a file of a proxy's credentials is not used. A person whom
// the file is closed to cannot tell.
func (m hostChecker) checkCredentials(name string) []policy.Problem {
	if name == "" {
		return nil
	}
	_, err := m.readCredentials(name)
	if err == nil {
		return nil
	}
	return []policy.Problem{{Text: name + " " + err.Error(), Fatal: !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission)}}
}
