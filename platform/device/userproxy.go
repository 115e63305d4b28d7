package device

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"
)

// ErrNoProxySettings means that this system has no such settings.
var ErrNoProxySettings = errors.New("not supported on this system")

// ProxySettings are the proxies from one source.
type ProxySettings struct {
	Source    string // for messages
	Proxies   string // host:port for all, or http=host:port;https=host:port
	HasScript bool   // a script selects the proxy; it is not run
	Bypass    string // hosts without a proxy, separated by ; or space; * matches anything
}

// ReadProxies returns the settings of this process's user. It skips empty ones, and does not
// read the environment.
func ReadProxies() ([]ProxySettings, error) { return readProxies() }

// ProxyFor returns the proxy for an https request to a host, as host and port without a
// password. is reports whether there is a proxy. If a script selects it, proxy is "". An
// error contains the invalid setting without a password.
func (s ProxySettings) ProxyFor(host string) (proxy string, is bool, err error) {
	if s.bypasses(host) {
		return "", false, nil
	}
	for entry := range strings.FieldsFuncSeq(s.Proxies, isSeparator) {
		scheme, address, _ := strings.Cut(entry, "=")
		if !isWord(scheme) || scheme == entry { // no scheme in the list; a URL's scheme does not count
			scheme, address = "https", entry
		}
		if strings.EqualFold(scheme, "https") {
			proxy, err = parseProxy(address)
			return proxy, err == nil, err
		}
	}
	return "", s.HasScript, nil
}

// parseProxy returns host and port of a URL, with or without a scheme.
func parseProxy(address string) (string, error) {
	full := address
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err == nil && u.Port() != "" {
		_, err = strconv.ParseUint(u.Port(), 10, 16)
	}
	if err != nil || u.Hostname() == "" { // the error may quote a password
		return "", fmt.Errorf("%q is no proxy; it has to be HOST:PORT", address[strings.LastIndexByte(address, '@')+1:])
	}
	return u.Host, nil
}

func isWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
}

// bypasses reports whether the host needs no proxy.
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
