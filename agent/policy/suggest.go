package policy

import (
	"maps"
	"slices"
	"strings"
)

// unknown says what to do about a key that the mapping s does not have. The value is
// never looked at.
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
		return "must not hold a secret: every user can read this file; remove it, take what was written there as disclosed, " +
			"put a new registration token into a file of its own, and name that with registration_token_file or run: regent register --file FILE"
	}
	return "is not a known key; known here: " + strings.Join(known, ", ")
}

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// namesSecret reports whether a key of this name would hold a secret.
func namesSecret(name string) bool {
	words := []string{"token", "password", "passwd", "passphrase", "secret", "credential"}
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(strings.ToLower(name), word) })
}

// showKey returns an unknown key as it may be repeated: a secret pasted without
// its key is long, or has characters that no key has.
func showKey(name string) string {
	const most = 40
	if name == "" || len(name) > most || strings.Trim(name, alphanumeric+"_-.") != "" {
		return "(a key)"
	}
	return name
}

// Nearest returns the one of words that name was probably meant to be, or "".
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

// distance counts the letters to insert, delete, replace or swap with the next
// to make b of a.
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
