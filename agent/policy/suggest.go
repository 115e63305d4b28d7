package policy

import (
	"maps"
	"slices"
	"strings"
)

// unknown returns the problem text for a key that the mapping s does not have. It never
// reads the value.
func (s *schema) unknown(name string) string {
	known := slices.Sorted(maps.Keys(s.children))
	if near := Nearest(name, known); near != "" {
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

// Nearest returns the most similar of words for the suggestion of a mistyped name, or "".
func Nearest(name string, words []string) string {
	best, least := "", 1+min(2, len(name)/3)
	if len(name) > maxText {
		return ""
	}
	for _, w := range words {
		if d := distance(strings.ToLower(name), strings.ToLower(w)); d < least {
			best, least = w, d
		}
	}
	return best
}

// distance returns the number of changes from a to b: insert, delete or replace a letter, or
// swap it with the next one.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		now := make([]int, len(b)+1)
		now[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			now[j+1] = min(now[j]+1, last[j+1]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		before, last = last, now
	}
	return last[len(b)]
}
