package tms

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"unicode/utf8"

	"regent/agent/token"
)

// Mask finds the parts of a registration token in a text, and does not contain them. It is
// used after the token was wiped, because a service may still repeat it. It is a random
// key, then one entry for each piece of the token: its length in characters, and the first
// 7 bytes of its HMAC-SHA256. Keep it only in sealed records: it allows guesses.
type Mask []byte

const (
	maskKey   = 16 // bytes
	maskEntry = 8
)

// NewMask returns the mask of a registration token; nil if there is none.
func NewMask(registration token.Secret) Mask {
	if registration.IsZero() {
		return nil
	}
	key := make([]byte, maskKey)
	rand.Read(key)
	m := Mask(key)
	found := redactor{secrets: []token.Secret{registration}}.pieces()
	entries := make([]string, 0, len(found.plain))
	for piece := range found.plain {
		entries = append(entries, string(m.entry(piece)))
	}
	slices.Sort(entries) // their order says nothing
	for _, e := range entries {
		m = append(m, e...)
	}
	return m
}

// entry returns the entry of a piece.
func (m Mask) entry(piece string) []byte {
	h := hmac.New(sha256.New, m[:maskKey])
	h.Write([]byte(piece))
	return append([]byte{byte(utf8.RuneCountInString(piece))}, h.Sum(nil)[:maskEntry-1]...) //nolint:gosec // at most longPiece
}

// sizes are the lengths of its pieces.
func (m Mask) sizes() (sizes []int) {
	for e := range slices.Chunk(m[min(len(m), maskKey):], maskEntry) {
		if size := int(e[0]); !slices.Contains(sizes, size) {
			sizes = append(sizes, size)
		}
	}
	return sizes
}

// has reports whether a text is one of its pieces.
func (m Mask) has(piece string) bool {
	want := m.entry(piece)
	for e := range slices.Chunk(m[maskKey:], maskEntry) {
		if slices.Equal(e, want) {
			return true
		}
	}
	return false
}
