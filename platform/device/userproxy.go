package device

import (
	"errors"
	"net/url"
	"path"
	"strings"
)

// ErrNoProxySettings means that this system has no such settings.
var ErrNoProxySettings = errors.New("not supported on this system")

// ProxySettings is one place where proxies are set.
type ProxySettings struct {
	Source    string // in words
	Proxies   string // host:port for all, or http=host:port;https=host:port
	HasScript bool   // a script decides; none is run
	Bypass    string // hosts that no proxy is for, with * for anything, by ; or space
}

// ReadProxies returns the settings of the user of this process, those that name nothing
// left out. Their environment is not among them.
func ReadProxies() ([]ProxySettings, error) { return readProxies() }

// ProxyFor returns the proxy for a host that is asked by https, as host and port
// without a password, and whether there is one. One that a script decides about is
// "".
func (s ProxySettings) ProxyFor(host string) (proxy string, is bool) {
	if s.bypasses(host) {
		return "", false
	}
	if p := s.httpsProxy(); p != "" {
		return p, true
	}
	return "", s.HasScript
}

// httpsProxy is the proxy for https, without anything but its host and port.
func (s ProxySettings) httpsProxy() string {
	for entry := range strings.FieldsFuncSeq(s.Proxies, isSeparator) {
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

// bypasses reports whether no proxy is for the host.
func (s ProxySettings) bypasses(host string) bool {
	host = strings.ToLower(host)
	for pattern := range strings.FieldsFuncSeq(strings.ToLower(s.Bypass), isSeparator) {
		if pattern == "<local>" && !strings.Contains(host, ".") {
			return true
		}
		if matched, err := path.Match(pattern, host); err == nil && matched {
			return true
		}
	}
	return false
}

func isSeparator(r rune) bool { return r == ';' || r == ' ' || r == '\t' }
