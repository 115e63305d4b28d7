package policy

import (
	"errors"
	"fmt"
	"strings"

	"regent/agent/address"
)

const writeTenant = "; write the tenant's host or its URL, such as https://demo-host.com/"

// NormalizeTenant returns the base URL of a tenant in the normal form of
// [Settings.Tenant]. s is a host or a URL that a person wrote. The error contains the next
// step and does not quote s.
func NormalizeTenant(s string) (string, error) {
	if s == "" {
		return "", errors.New("is empty" + writeTenant)
	}
	return checkTenant(s)
}

// checkTenant accepts a host or a URL, with or without port and trailing slash. It returns
// scheme://host[:port] in lower case, without the scheme's default port: two spellings of
// a tenant must not become two tenants.
func checkTenant(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		scheme, rest = "https", s
	}
	scheme = strings.ToLower(scheme)
	if scheme != "https" && scheme != "http" {
		return "", errors.New("is neither https nor, on a loopback address, http" + writeTenant)
	}
	rest, path, _ := strings.Cut(rest, "/")
	switch {
	case strings.ContainsAny(rest+path, "@"):
		return "", errors.New("has a user in it" + writeTenant)
	case strings.ContainsAny(rest+path, "?#"):
		return "", errors.New("has a query or a fragment" + writeTenant)
	case path != "":
		return "", errors.New("has a path; leave it out, the agent adds /token and /rmslm itself" + writeTenant)
	}
	host, port, err := address.SplitHostPort(rest)
	if err != nil {
		return "", fmt.Errorf("%w%s", err, writeTenant)
	}
	if scheme == "http" && !address.IsLoopback(host) {
		return "", errors.New("is http, so tokens would be readable on the network; write https:// (http only on a loopback address)")
	}
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return scheme + "://" + host, nil
	}
	return scheme + "://" + host + ":" + port, nil
}

// checkProxy accepts "", system, none, and scheme://host:port. It refuses a password, since
// every user can read the file. It refuses a word alone: "direct" is a mistake, not a host.
func checkProxy(s string) (string, error) {
	if s == "" || s == SystemProxy || s == NoProxy {
		return s, nil
	}
	const write = "; write system, none, or a URL such as http://proxy.example.com:3128"
	switch {
	case strings.Contains(s, "@"):
		return "", errors.New("has a user or password in it, and every user can read this file" + write)
	case !strings.Contains(s, "://"):
		return "", errors.New("is not an http, https or socks5 URL" + write)
	}
	u, err := address.ParseProxy(s)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}
