package policy

import (
	"maps"
	"slices"
	"strings"

	"regent/agent/suggest"
)

// unknown returns the problem text for a key that the mapping s does not have. It never
// reads the value.
func (s *schema) unknown(name string) string {
	known := slices.Sorted(maps.Keys(s.children))
	if near := suggest.Nearest(name, known); near != "" {
		return "is not a known key; did you mean " + near + "?"
	}
	for _, d := range table {
		if d.Name() == name {
			return "is not a known key here; it belongs to " + strings.ReplaceAll(d.Key, ".*", "[]")
		}
	}
	if namesSecret(name) {
		return "must not contain a secret, since every user can read this file. Remove the key and revoke the secret. " +
			"Put a new registration token into a file, and name it in registration_token_file or run: regent register --file FILE"
	}
	return "is not a known key; the keys here are " + strings.Join(known, ", ")
}

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// namesSecret reports whether a key of this name probably has a secret as its value.
func namesSecret(name string) bool {
	words := []string{"token", "password", "passwd", "passphrase", "secret", "credential"}
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(strings.ToLower(name), word) })
}

// showKey returns an unknown key for an error, or "(a key)" if it may be a secret. A secret
// without its key is long, or has characters that no key has.
func showKey(name string) string {
	const most = 40
	if name == "" || len(name) > most || strings.Trim(name, alphanumeric+"_-.") != "" {
		return "(a key)"
	}
	return name
}
