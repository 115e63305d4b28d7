package device

import (
	"errors"
	"net/url"
	"path"
	"strings"
)

// UserproxyErrUnsupported means that this system has no such settings.
var UserproxyErrUnsupported = errors.New("not supported on this system")

// Setting is one place where proxies are set.
type Setting struct {
	Where   string // in words
	Proxies string // host:port for all, or http=host:port;https=host:port
	Script  bool   // a script decides; none is run
	Bypass  string // hosts that no proxy is for, with * for anything, by ; or space
}

// Of returns the settings of the user of this process, those that name nothing
// left out. Their environment is not among them.
func Of() ([]Setting, error) { return of() }

// For returns the proxy for a host that is asked by https, as host and port
// without a password, and whether there is one. One that a script decides about is
// "".
func (s Setting) For(host string) (proxy string, is bool) {
	if s.spared(host) {
		return "", false
	}
	if p := s.https(); p != "" {
		return p, true
	}
	return "", s.Script
}

// https is the proxy for https, without anything but its host and port.
func (s Setting) https() string {
	for entry := range strings.FieldsFuncSeq(s.Proxies, separates) {
		scheme, address, of := strings.Cut(entry, "=")
		if !of {
			scheme, address = "https", entry
		}
		if scheme != "https" {
			continue
		}
		if !strings.Contains(address, "://") {
			address = "http://" + address
		}
		if u, err := url.Parse(address); err == nil {
			return u.Host
		}
	}
	return ""
}

// spared reports whether no proxy is for the host.
func (s Setting) spared(host string) bool {
	host = strings.ToLower(host)
	for pattern := range strings.FieldsFuncSeq(strings.ToLower(s.Bypass), separates) {
		if pattern == "<local>" && !strings.Contains(host, ".") {
			return true
		}
		if matched, err := path.Match(pattern, host); err == nil && matched {
			return true
		}
	}
	return false
}

func separates(r rune) bool { return r == ';' || r == ' ' || r == '\t' }
