package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"regent/agent/policy"
	"regent/agent/tms"
	"regent/agent/token"
	"regent/platform/peer"
	"regent/platform/tokenfile"
)

// hostChecker compares a well-formed configuration with this machine. An existing file that
// regentd would not use is fatal.
type hostChecker struct {
	policy.Device
	readCredentials func(name string) (token.Secret, error)
	checkWriters    func(name string) ([]permissionWarning, error)
}

func newHostChecker() hostChecker {
	return hostChecker{
		Device:          policy.Device{System: runtime.GOOS, UserID: peer.UserID, GroupID: peer.GroupID, ReadFile: readFile, IsMissing: isMissing},
		readCredentials: readCredentials, checkWriters: checkOwnWriters,
	}
}

func isMissing(name string) bool {
	_, err := os.Stat(name)
	return errors.Is(err, fs.ErrNotExist)
}

// check returns the problems of the configuration on this machine.
func (m hostChecker) check(res policy.Resolved) []policy.Problem {
	return slices.Concat(m.checkFiles(res), checkMetricsFile(res), m.Check(res))
}

// checkMetricsFile refuses a directory in the place of the file with metrics.
func checkMetricsFile(res policy.Resolved) []policy.Problem {
	name := res.Settings.MetricsTextfile
	if info, err := os.Stat(name); err != nil || !info.IsDir() {
		return nil
	}
	p, _ := res.Provenance(textfileKey)
	text := name + " is a directory; write the path of a file, such as " + filepath.Join(filepath.Dir(name), "regent.prom")
	return []policy.Problem{{Origin: p.Origin, Key: textfileKey, Text: text, Fatal: true}}
}

// checkFiles returns the problems of the files for connections to the service.
func (m hostChecker) checkFiles(res policy.Resolved) (found []policy.Problem) {
	add := func(key, name string, look func(name string) []policy.Problem) {
		if name == "" {
			return
		}
		p, _ := res.Provenance(key)
		for _, r := range append(m.checkFileWriters(name), look(name)...) {
			r.Origin, r.Key = p.Origin, key
			found = append(found, r)
		}
	}
	n := res.Settings.Network
	add("network.ca_file", n.CAFile, m.checkCertificates)
	add("network.proxy_credentials_file", n.ProxyCredentialsFile, m.checkCredentials)
	return found
}

// checkFileWriters reports users who may write or replace a file and should not.
func (m hostChecker) checkFileWriters(name string) (found []policy.Problem) {
	doubts, err := m.checkWriters(name)
	for _, d := range doubts {
		found = append(found, policy.Problem{Text: name + " " + d.text})
	}
	if _, missing := errors.AsType[*fs.PathError](err); err != nil && !missing {
		found = append(found, policy.Problem{Text: name + " " + err.Error() + "; until then it is not used", Fatal: true})
	}
	return found
}

// checkCertificates reports the unused and useless parts of a file of certificates.
func (m hostChecker) checkCertificates(name string) (found []policy.Problem) {
	data, err := m.ReadFile(name)
	if err != nil {
		return []policy.Problem{{Text: name + " " + bareError(err).Error() + "; put the certificates there, or correct the key", Fatal: !errors.Is(err, fs.ErrNotExist)}}
	}
	b, err := tms.ReadBundle(data, now())
	if err != nil {
		return []policy.Problem{{Text: name + " " + err.Error(), Fatal: true}}
	}
	for _, r := range b.Remarks {
		found = append(found, policy.Problem{Text: fmt.Sprintf("%s:%d: %s", name, r.Line, r.Text)})
	}
	return found
}

// checkCredentials reports why regentd does not use a file of a proxy's credentials. If
// the person who checks may not read the file, that is a warning.
func (m hostChecker) checkCredentials(name string) []policy.Problem {
	_, err := m.readCredentials(name)
	if err == nil {
		return nil
	}
	return []policy.Problem{{Text: name + " " + err.Error(), Fatal: !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission)}}
}

// maxCredentials bounds the file in bytes.
const maxCredentials = 4096

// readCredentials reads the proxy's user and password. It refuses a file that every user
// may read, and does not check who may write it. The error contains neither the file's
// name nor its content.
func readCredentials(path string) (token.Secret, error) {
	text, err := readFile(path)
	if err != nil {
		return token.Secret{}, fmt.Errorf("%w; put the credentials there, or correct the key", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return token.Secret{}, bareError(err)
	}
	if err := readableByAll(path, info); err != nil && !tokenfile.IsReadOnly(path) { // the mode of a container's secret cannot be changed here
		return token.Secret{}, err
	}
	text = bytes.TrimRight(text, "\r\n")
	if user, _, found := bytes.Cut(text, []byte(":")); !found || len(user) == 0 || len(text) > maxCredentials || bytes.ContainsAny(text, "\r\n\x00") {
		return token.Secret{}, errors.New("is not one line of the form user:password; write that line, and nothing else, into it")
	}
	return token.NewSecret(string(text)), nil
}
