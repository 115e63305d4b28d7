// Package address parses hosts and proxies in the configuration, on a command line and
// in the environment.
//
// It imports neither HTTP nor os. An error does not quote the text, which may contain a
// password. It begins with a verb, so that the caller can put "network.proxy" or
// "HTTPS_PROXY" before it.
package address

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// SplitHostPort splits host[:port] and returns both in lower case. The host is a DNS name, an
// IPv4 address, or an IPv6 address in brackets and in the form of RFC 5952. The port is "" if
// there is none. It is stricter than net/url.
func SplitHostPort(s string) (host, port string, err error) {
	s = strings.ToLower(s)
	if end := strings.IndexByte(s, ']'); strings.HasPrefix(s, "[") && end > 0 {
		ip, err := netip.ParseAddr(s[1:end])
		if err != nil || !ip.Is6() || ip.Is4In6() || strings.ContainsAny(s[1:end], ".%") {
			return "", "", errors.New("has no valid IPv6 address in the brackets")
		}
		host, port = "["+ip.String()+"]", s[end+1:]
		if port != "" && port[0] != ':' {
			return "", "", errors.New("has something other than :port after the address")
		}
	} else {
		host, _, _ = strings.Cut(s, ":")
		port = s[len(host):]
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

const (
	letters = "abcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"
)

func checkHost(host string) error {
	if host == "" || len(host) > 253 {
		return errors.New("has no host, or one longer than 253 bytes")
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("has a host with an empty, too long or hyphen-edged part")
		}
		if strings.Trim(label, letters+digits+"-_") != "" {
			return errors.New("has a character that no host name has (a name in another script is written xn--…)")
		}
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if _, err := netip.ParseAddr(host); err != nil && strings.Trim(last, digits) == "" {
		return errors.New("ends in a number but is no IPv4 address")
	}
	return nil
}

// IsLoopback reports whether a host can only be this device: localhost, or a
// loopback address, with or without the brackets of IPv6.
func IsLoopback(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}
