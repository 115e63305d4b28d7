package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Host returns the host, with its port if it has one, of a tenant in the
// normal form of [Settings.Tenant]: the tenant's name in [instance.ID].
func Host(baseURL string) string {
	_, host, _ := strings.Cut(baseURL, "://")
	return host
}

const writeTenant = "; write the tenant's host or its URL, such as https://demo-host.com/"

// NormalizeTenant returns the base URL of a tenant in the normal form of
// [Settings.Tenant], from what a person wrote: a host or a URL. The error says
// what to write instead and does not quote s.
func NormalizeTenant(s string) (string, error) {
	if s == "" {
		return "", errors.New("is empty" + writeTenant)
	}
	return checkTenant(s)
}

// checkTenant accepts a host or a URL, with or without port and trailing
// slash, and returns scheme://host[:port] in lower case without a slash and
// without the scheme's own port. Two spellings of a tenant must not be two.
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
	host, port, err := splitAddress(rest)
	if err != nil {
		return "", fmt.Errorf("%w%s", err, writeTenant)
	}
	if scheme == "http" && !loopback(host) {
		return "", errors.New("is http, which would send tokens in the clear; write https:// (http only on a loopback address)")
	}
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return scheme + "://" + host, nil
	}
	return scheme + "://" + host + ":" + port, nil
}

// checkProxy accepts "", system, none, and scheme://host:port.
func checkProxy(s string) (string, error) {
	if s == "" || s == SystemProxy || s == WithoutProxy {
		return s, nil
	}
	const write = "; write system, none, or a URL such as http://proxy.example.com:3128"
	scheme, rest, found := strings.Cut(s, "://")
	scheme = strings.ToLower(scheme)
	rest = strings.TrimSuffix(rest, "/")
	switch {
	case strings.Contains(s, "@"):
		return "", errors.New("has a user or password in it, and every user can read this file" + write)
	case !found, scheme != "http" && scheme != "https" && scheme != "socks5":
		return "", errors.New("is not an http, https or socks5 URL" + write)
	case strings.ContainsAny(rest, "/?#"):
		return "", errors.New("has more than a host and a port" + write)
	}
	host, port, err := splitAddress(rest)
	if err != nil {
		return "", fmt.Errorf("%w%s", err, write)
	}
	if port != "" {
		host += ":" + port
	}
	return scheme + "://" + host, nil
}

// splitAddress takes host[:port] apart, in lower case. The host is a DNS name,
// an IPv4 address, or an IPv6 address in brackets. It is written here because
// the room may not import net, and because net/url accepts far more.
func splitAddress(s string) (host, port string, err error) {
	s = strings.ToLower(s)
	if end := strings.IndexByte(s, ']'); strings.HasPrefix(s, "[") && end > 0 {
		address, valid := ipv6(s[1:end])
		if !valid {
			return "", "", errors.New("has no valid IPv6 address in the brackets")
		}
		host, port = "["+address+"]", s[end+1:]
		if port != "" && port[0] != ':' {
			return "", "", errors.New("has something other than :port after the address")
		}
	} else {
		i := strings.IndexByte(s, ':')
		if i < 0 {
			i = len(s)
		}
		host, port = s[:i], s[i:]
		if err := checkHost(host); err != nil {
			return "", "", err
		}
	}
	if port == "" {
		return host, "", nil
	}
	port = port[1:]
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
		return "", "", errors.New("has a port that is not a number from 1 to 65535")
	}
	return host, port, nil
}

func checkHost(host string) error {
	if host == "" || len(host) > 253 {
		return errors.New("has no host, or one longer than 253 bytes")
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("has a host with an empty, too long or hyphen-edged part")
		}
		for _, r := range label {
			if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' {
				return errors.New("has a character that no host name has (a name in another script is written xn--…)")
			}
		}
	}
	if last := host[strings.LastIndexByte(host, '.')+1:]; decimal(last) && !ipv4(host) {
		return errors.New("ends in a number but is no IPv4 address")
	}
	return nil
}

// loopback reports whether host can only be this device.
func loopback(host string) bool {
	return host == "localhost" || host == "[::1]" || ipv4(host) && strings.HasPrefix(host, "127.")
}

func ipv4(host string) bool {
	parts := strings.Split(host, ".")
	for _, p := range parts {
		if n, err := strconv.Atoi(p); err != nil || n > 255 || strconv.Itoa(n) != p {
			return false
		}
	}
	return len(parts) == 4
}

// ipv6 accepts the hexadecimal forms, without a zone and without IPv4 inside,
// and returns the one form of RFC 5952: two spellings of an address are one.
func ipv6(s string) (string, bool) {
	head, tail, short := strings.Cut(s, "::")
	before, good := ipv6Groups(head)
	after, also := ipv6Groups(tail)
	missing := 8 - len(before) - len(after)
	if !good || !also || short && missing < 1 || !short && missing != 0 {
		return "", false
	}
	groups := slices.Concat(before, make([]uint64, missing), after)
	from, to := longestZeros(groups)
	var b strings.Builder
	for i, g := range groups {
		switch {
		case i == from:
			b.WriteString("::")
		case i > from && i < to:
		case i > 0 && i != to:
			fmt.Fprintf(&b, ":%x", g)
		default:
			fmt.Fprintf(&b, "%x", g)
		}
	}
	return b.String(), true
}

func ipv6Groups(s string) ([]uint64, bool) {
	if s == "" {
		return nil, true
	}
	var groups []uint64
	for g := range strings.SplitSeq(s, ":") {
		n, err := strconv.ParseUint(g, 16, 16)
		if err != nil || len(g) > 4 {
			return nil, false
		}
		groups = append(groups, n)
	}
	return groups, true
}

// longestZeros returns where the first of the longest runs of at least two zero
// groups is; -1, -1 if there is none.
func longestZeros(groups []uint64) (from, to int) {
	from, to = -1, -1
	for i := 0; i < len(groups); i++ {
		end := i
		for end < len(groups) && groups[end] == 0 {
			end++
		}
		if end-i > max(1, to-from) {
			from, to = i, end
		}
		i = max(i, end-1)
	}
	return from, to
}

func decimal(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
