package address

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Environment has the proxies of a process's environment variables. The zero value has no
// proxy. It is immutable and safe for concurrent use.
//
// It reads the variables of curl and Go: HTTPS_PROXY for https, HTTP_PROXY for http,
// ALL_PROXY for both if the other is not set, and NO_PROXY for hosts without a proxy. Each
// name is in capitals, or else in small letters.
type Environment struct {
	https, http variable
	noProxy     []noProxyRule
	ignored     []error
}

// variable is a proxy from one of the variables.
type variable struct {
	name  string // "" if none is set
	proxy *url.URL
	err   error
}

// FromEnvironment reads the environment. [Environment.ProxyFor] returns its errors for the
// URLs that they affect.
func FromEnvironment(getenv func(string) string) Environment {
	e := Environment{https: firstSet(getenv, "HTTPS_PROXY", "ALL_PROXY"), http: firstSet(getenv, "HTTP_PROXY", "ALL_PROXY")}
	if e.http.name == "HTTP_PROXY" && getenv("REQUEST_METHOD") != "" {
		e.http = variable{name: "HTTP_PROXY", err: errors.New("is a header of the request in a CGI program, and not a proxy; set http_proxy")}
	}
	name, text := lookupVariable(getenv, "NO_PROXY")
	for i, entry := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		r, ok := parseNoProxyRule(strings.ToLower(entry))
		if !ok { // do not quote it: it may be a proxy with its password
			e.ignored = append(e.ignored, fmt.Errorf("%s in the environment: entry %d is not a host, address or network, so it has no effect", name, i+1))
			continue
		}
		e.noProxy = append(e.noProxy, r)
	}
	return e
}

// firstSet returns the first variable that is set.
func firstSet(getenv func(string) string, names ...string) variable {
	for _, n := range names {
		if name, text := lookupVariable(getenv, n); text != "" {
			proxy, err := ParseProxy(text)
			return variable{name, proxy, err}
		}
	}
	return variable{}
}

// lookupVariable returns a variable in capitals, or else in small letters.
func lookupVariable(getenv func(string) string, name string) (as, text string) {
	if text = getenv(name); text != "" {
		return name, text
	}
	return strings.ToLower(name), getenv(strings.ToLower(name))
}

// ProxyFor returns the proxy for a URL, nil for none, and the variable that names it. An
// invalid variable is an error with its name, without its text: Regent then sends no request,
// rather than one without the proxy.
func (e Environment) ProxyFor(u *url.URL) (proxy *url.URL, from string, err error) {
	v := e.https
	if u.Scheme == "http" {
		v = e.http
	}
	if v.name == "" || e.bypasses(u) {
		return nil, "", nil
	}
	if v.err != nil {
		return nil, v.name, fmt.Errorf("%s in the environment %w", v.name, v.err)
	}
	return v.proxy, v.name, nil
}

// Ignored returns the errors of the environment that have no effect on https.
func (e Environment) Ignored() []error {
	if e.http.err == nil || e.http.name == e.https.name {
		return e.ignored
	}
	return append([]error{fmt.Errorf("%s in the environment %w; it is only for http, so Regent does not use it", e.http.name, e.http.err)}, e.ignored...)
}

// bypasses reports whether a URL needs no proxy: it is on this device, or NO_PROXY names it.
func (e Environment) bypasses(u *url.URL) bool {
	host, port := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return IsLoopback(host) || slices.ContainsFunc(e.noProxy, func(matches noProxyRule) bool { return matches(host, port) })
}

// noProxyRule is an entry of NO_PROXY. It reports whether it matches a host, in small
// letters, and its port.
type noProxyRule func(host, port string) bool

// parseNoProxyRule parses an entry in small letters, and reports whether it is valid: *, a
// network, an address or a name with or without a port, .name or *.name.
func parseNoProxyRule(entry string) (noProxyRule, bool) {
	if entry == "*" {
		return func(_, _ string) bool { return true }, true
	}
	if p, err := netip.ParsePrefix(entry); err == nil {
		return inNetwork(p.Masked(), ""), true
	}
	if ip, err := netip.ParseAddr(entry); err == nil { // also IPv6 without brackets
		return inNetwork(singleAddress(ip), ""), true
	}
	name, below := strings.CutPrefix(strings.TrimPrefix(entry, "*"), ".")
	host, port, err := SplitHostPort(strings.TrimSuffix(name, "."))
	if err != nil || strings.HasPrefix(entry, "*") && !below {
		return nil, false
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return inNetwork(singleAddress(ip), port), !below
	}
	return func(asked, at string) bool { // the name and all below it, or only those below
		return (port == "" || port == at) && (strings.HasSuffix(asked, "."+host) || asked == host && !below)
	}, true
}

func inNetwork(network netip.Prefix, port string) noProxyRule {
	return func(asked, at string) bool {
		ip, err := netip.ParseAddr(asked)
		return (port == "" || port == at) && err == nil && network.Contains(ip.Unmap())
	}
}

func singleAddress(ip netip.Addr) netip.Prefix {
	return netip.PrefixFrom(ip.Unmap().WithZone(""), ip.Unmap().BitLen())
}

// Check returns an error if the proxy for a base URL cannot be used.
func (e Environment) Check(baseURL string) error {
	u, err := url.Parse(baseURL)
	if err == nil {
		_, _, err = e.ProxyFor(u)
	}
	return err
}
