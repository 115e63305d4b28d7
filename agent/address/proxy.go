package address

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// proxyHint is the advice after an error about a proxy.
const proxyHint = "; write http://HOST:PORT"

// proxySchemes are the schemes of a proxy.
var proxySchemes = []string{"http", "https", "socks5", "socks5h"}

// ParseProxy parses the address of a proxy: scheme://user:password@host:port. The scheme is
// http, https, socks5 or socks5h; the default is http. User, password and port are optional.
// The returned host is in lower case.
func ParseProxy(s string) (*url.URL, error) {
	switch {
	case strings.Trim(s, " \t\r\n") != s:
		return nil, errors.New("has a space or a line end before or after it; remove that")
	case strings.Trim(s, `"'`) != s:
		return nil, errors.New("has quotes around it; remove them")
	}
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		if name := bareScheme(s); name != "" {
			return nil, errors.New(`has no "://" after ` + name + "; write " + name + "://HOST:PORT")
		}
		scheme, rest = "http", s
	}
	scheme = strings.ToLower(scheme)
	if !slices.Contains(proxySchemes, scheme) {
		return nil, errors.New("is not an http, https or socks5 URL" + proxyHint)
	}
	u := &url.URL{Scheme: scheme}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		var err error
		if u.User, err = userinfo(rest[:i]); err != nil {
			return nil, err
		}
		rest = rest[i+1:]
	}
	rest = strings.TrimSuffix(rest, "/")
	if strings.ContainsAny(rest, "/?#") {
		return nil, errors.New("has more than a host and a port" + proxyHint)
	}
	host, port, err := SplitHostPort(rest)
	if err != nil {
		return nil, errors.New(err.Error() + proxyHint)
	}
	if u.Host = host; port != "" {
		u.Host += ":" + port
	}
	return u, nil
}

// bareScheme returns the scheme at the beginning of s if no // follows it, otherwise "".
// Before a colon and a port, the word is a host: http:3128.
func bareScheme(s string) string {
	i := strings.IndexAny(s, ":/")
	if i < 0 || !slices.Contains(proxySchemes, strings.ToLower(s[:i])) {
		return ""
	}
	if port := s[i+1:]; s[i] == ':' && port != "" && strings.Trim(port, digits) == "" {
		return ""
	}
	return strings.ToLower(s[:i])
}

// userinfoChars are the characters that need no encoding in the user and the password of a
// URL, in addition to letters and digits.
const userinfoChars = "-._~!$&'()*+,;=@"

// userinfo parses user or user:password. It refuses a character that needs encoding, since
// the text has two readings then.
func userinfo(s string) (*url.Userinfo, error) {
	bad := strings.Trim(s, letters+strings.ToUpper(letters)+digits+userinfoChars+"%:") != ""
	name, secret, has := strings.Cut(s, ":")
	user, err := url.PathUnescape(name)
	password, also := url.PathUnescape(secret)
	if bad || err != nil || also != nil {
		return nil, errors.New(`has a user or password that needs encoding: write % as %25, # as %23, \ as %5C, / as %2F, ? as %3F, a space as %20. ` +
			"For regentd, you can also put both into the file of network.proxy_credentials_file")
	}
	if !has {
		return url.User(user), nil
	}
	return url.UserPassword(user, password), nil
}
