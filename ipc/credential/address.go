package credential

import (
	"errors"
	"strings"
)

// Name is what a unit calls the credential.
const Name = "cloudlm-token"

var errAddress = errors.New("its address is not one that a service manager connects from, @HEX/unit/UNIT/CREDENTIAL")

// parseAddress reads the address that the service manager binds its end of a
// connection to: an abstract one, "@" here, of random digits, the unit for which
// it asks, and what that calls the credential.
func parseAddress(address string) (unit, name string, err error) {
	random, rest, ok := strings.Cut(strings.TrimPrefix(address, "@"), "/unit/")
	if !ok || !strings.HasPrefix(address, "@") || !isHexadecimal(random) {
		return "", "", errAddress
	}
	unit, name, ok = strings.Cut(rest, "/")
	if !ok || !isName(unit) || !isName(name) {
		return "", "", errAddress
	}
	return unit, name, nil
}

func isHexadecimal(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// isName reports whether s can be the name of a unit or of a credential.
func isName(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '/' {
			return false
		}
	}
	return true
}
