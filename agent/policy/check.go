package policy

import (
	"errors"
	"strings"
	"unicode"

	"regent/agent/token"
)

// The values of [Definition.Pattern]. Each pattern accepts every value that its check
// accepts, and some more.
const (
	tenantPattern   = `^([hH][tT][tT][pP][sS]?://)?[A-Za-z0-9._:\[\]-]*/?$`
	proxyPattern    = `^(system|none|([hH][tT][tT][pP][sS]?|[sS][oO][cC][kK][sS]5[hH]?)://[A-Za-z0-9._:\[\]-]+/?)?$`
	basePathPattern = `^/[A-Za-z0-9._/-]*[A-Za-z0-9_-]$`
	pathPattern     = `^(/[^/](.*[^/])?|[A-Za-z]:[\\/].*[^\\/])?$`
	metricsPattern  = `^(/([^/].*)?\.prom|[A-Za-z]:[\\/].*\.prom)?$`
	idPattern       = `^[a-z0-9][a-z0-9-]{0,63}$`
	namePattern     = `^[^ ](.*[^ ])?$`
	unitPattern     = `^[^ /.]+\.[^ /]+$`
	signerPattern   = `^(sha256:[0-9A-Fa-f]{64}|[A-Za-z][A-Za-z0-9.]* *=.+)$`
	sha256Pattern   = `^([0-9A-Fa-f]{64})?$`
)

func checkID(s string) (string, error) { return s, token.CheckApplication(s) }

// checkPath accepts the absolute paths of every system, since one check of a file covers all
// of them. It refuses a network path: others can change its content without access to this
// device.
func checkPath(s string) (string, error) {
	unix := strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//")
	windows := len(s) > 3 && unicode.IsLetter(rune(s[0])) && s[0] < unicode.MaxASCII && s[1] == ':' && (s[2] == '\\' || s[2] == '/')
	switch {
	case s == "":
		return s, nil
	case !unix && !windows:
		return "", errors.New(`is not an absolute path; write one such as /etc/regent/name or C:\ProgramData\Regent\name`)
	}
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '/' || windows && r == '\\' }) {
		if part == ".." {
			return "", errors.New("has .. in it; write the path without it")
		}
	}
	if last := s[len(s)-1]; last == '/' || windows && last == '\\' {
		return "", errors.New("ends in a separator; write the path of a file")
	}
	return s, nil
}

// checkMetricsFile accepts the paths of files that collectors read: they skip a file whose
// name does not end in .prom.
func checkMetricsFile(s string) (string, error) {
	if s, err := checkPath(s); err != nil || s == "" || strings.HasSuffix(s, ".prom") {
		return s, err
	}
	return "", errors.New("does not end in .prom, so collectors skip the file; add .prom to its name")
}

func checkSHA256(s string) (string, error) {
	if s == "" {
		return s, nil
	}
	if len(s) != 64 || strings.Trim(s, "0123456789abcdefABCDEF") != "" {
		return "", errors.New("is not 64 hex digits; write the output of sha256sum for the file")
	}
	return strings.ToLower(s), nil
}

func checkUnit(s string) (string, error) {
	if name, kind, ok := strings.Cut(s, "."); !ok || name == "" || kind == "" || strings.ContainsAny(s, " /") {
		return "", errors.New("is not a unit's full name; write one such as cad-render.service")
	}
	return s, nil
}

// checkBasePath accepts the plain path of a URL.
func checkBasePath(s string) (string, error) {
	const write = "; write one such as /token/api/v5"
	switch {
	case !strings.HasPrefix(s, "/"), strings.HasSuffix(s, "/"), strings.HasSuffix(s, "."):
		return "", errors.New("does not begin with / or ends in / or a dot" + write)
	case strings.Trim(s, alphanumeric+"._/-") != "", strings.Contains(s, "//"), strings.Contains(s, ".."):
		return "", errors.New("has more than letters, digits and . _ - between single slashes" + write)
	}
	return s, nil
}
