package address

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Environment says by which proxy a URL is reached, as the environment of a
// process has it. The zero value is one without a proxy. It is immutable.
//
// The variables, by curl's and Go's custom: HTTPS_PROXY for https, HTTP_PROXY for
// http, ALL_PROXY for both where there is none, and NO_PROXY for what is reached
// directly; each in capitals, else in small letters.
type Environment struct {
	https, http variable
	noProxy     []noProxyRule
	ignored     []error
}

// variable is a proxy as one of the variables names it.
type variable struct {
	name  string // "" if none is set
	proxy *url.URL
	err   error
}

// FromEnvironment reads the environment. What is wrong with it comes from
// [Environment.ProxyFor], for the URLs that it concerns.
func FromEnvironment(getenv func(string) string) Environment {
	e := Environment{https: firstSet(getenv, "HTTPS_PROXY", "ALL_PROXY"), http: firstSet(getenv, "HTTP_PROXY", "ALL_PROXY")}
	if e.http.name == "HTTP_PROXY" && getenv("REQUEST_METHOD") != "" {
		e.http = variable{name: "HTTP_PROXY", err: errors.New("is a header of the request in a CGI program, and no proxy; set http_proxy")}
	}
	name, text := lookupVariable(getenv, "NO_PROXY")
	for i, entry := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		r, ok := parseNoProxyRule(strings.ToLower(entry))
		if !ok { // it is not quoted: people put a proxy there, with its password
			e.ignored = append(e.ignored, fmt.Errorf("%s in the environment has an entry that is no host, address or network, so it has no effect: number %d", name, i+1))
			continue
		}
		e.noProxy = append(e.noProxy, r)
	}
	return e
}

// firstSet is the first of the variables that is set.
func firstSet(getenv func(string) string, names ...string) variable {
	for _, n := range names {
		if name, text := lookupVariable(getenv, n); text != "" {
			proxy, err := ParseProxy(text)
			return variable{name, proxy, err}
		}
	}
	return variable{}
}

// lookupVariable is a variable in capitals, else in small letters.
func lookupVariable(getenv func(string) string, name string) (as, text string) {
	if text = getenv(name); text != "" {
		return name, text
	}
	return strings.ToLower(name), getenv(strings.ToLower(name))
}

// ProxyFor returns the proxy for a URL, nil for none, and the variable that names it.
// A variable that cannot be read is an error that names it and holds nothing of
// its text: what was meant for a proxy never goes directly.
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

// Ignored is what of the environment cannot be read and has no effect on https.
func (e Environment) Ignored() []error {
	if e.http.err == nil || e.http.name == e.https.name {
		return e.ignored
	}
	return append([]error{fmt.Errorf("%s in the environment %w; it is for http alone, so nothing of it is used", e.http.name, e.http.err)}, e.ignored...)
}

// bypasses reports whether a URL is reached directly: what is on this device
// always, else what NO_PROXY names.
func (e Environment) bypasses(u *url.URL) bool {
	host, port := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if IsLoopback(host) {
		return true
	}
	for _, r := range e.noProxy {
		if r.matches(host, port) {
			return true
		}
	}
	return false
}

// noProxyRule is an entry of NO_PROXY.
type noProxyRule struct {
	all     bool         // *
	network netip.Prefix // an address is a network of one
	host    string       // a name and all below it; or, with a dot before it, those below alone
	port    string       // "" for every one
}

// parseNoProxyRule reads an entry in small letters, and reports whether it means anything:
// *, a network, an address or a name with or without a port, .name or *.name.
func parseNoProxyRule(entry string) (noProxyRule, bool) {
	if entry == "*" {
		return noProxyRule{all: true}, true
	}
	if p, err := netip.ParsePrefix(entry); err == nil {
		return noProxyRule{network: p.Masked()}, true
	}
	if ip, err := netip.ParseAddr(entry); err == nil { // IPv6 without brackets among them
		return noProxyRule{network: singleAddress(ip)}, true
	}
	name, below := strings.CutPrefix(strings.TrimPrefix(entry, "*"), ".")
	host, port, err := SplitHostPort(strings.TrimSuffix(name, "."))
	if err != nil || strings.HasPrefix(entry, "*") && !below {
		return noProxyRule{}, false
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return noProxyRule{network: singleAddress(ip), port: port}, !below
	}
	if below {
		host = "." + host
	}
	return noProxyRule{host: host, port: port}, true
}

func singleAddress(ip netip.Addr) netip.Prefix {
	return netip.PrefixFrom(ip.Unmap().WithZone(""), ip.Unmap().BitLen())
}

func (r noProxyRule) matches(host, port string) bool {
	if r.all {
		return true
	}
	if r.port != "" && r.port != port {
		return false
	}
	if r.host == "" {
		ip, err := netip.ParseAddr(host)
		return err == nil && r.network.Contains(ip.Unmap())
	}
	if strings.HasPrefix(r.host, ".") {
		return strings.HasSuffix(host, r.host)
	}
	return host == r.host || strings.HasSuffix(host, "."+r.host)
}
