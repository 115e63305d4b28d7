package address

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// proxyHint is the advice after what is wrong with a proxy.
const proxyHint = "; write http://HOST:PORT"

// proxySchemes are what a proxy can speak.
var proxySchemes = []string{"http", "https", "socks5", "socks5h"}

// ParseProxy reads the address of a proxy: scheme://user:password@host:port, where the
// scheme is http, https, socks5 or socks5h. Without a scheme it is http; user,
// password and port may be left out. The host is in lower case.
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

// bareScheme returns the scheme that s begins with, where no // follows it, else "".
// Before a colon and a port alone the word is a host: http:3128.
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

// userinfoChars are the characters that stand for themselves in the user and the
// password of a URL, beside letters and digits.
const userinfoChars = "-._~!$&'()*+,;=@"

// userinfo reads user or user:password. What a URL cannot hold as it is has two
// readings, so it is refused.
func userinfo(s string) (*url.Userinfo, error) {
	bad := strings.Trim(s, letters+strings.ToUpper(letters)+digits+userinfoChars+"%:") != ""
	name, secret, has := strings.Cut(s, ":")
	user, err := url.PathUnescape(name)
	password, also := url.PathUnescape(secret)
	if bad || err != nil || also != nil {
		return nil, errors.New(`has a user or password that no URL can hold as it is; write % as %25, # as %23, \ as %5C, / as %2F, ? as %3F, a space as %20; ` +
			"or leave both out and, for regentd, put them into the file that network.proxy_credentials_file names")
	}
	if !has {
		return url.User(user), nil
	}
	return url.UserPassword(user, password), nil
}
