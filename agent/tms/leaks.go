package tms

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"html"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The length in characters of a piece of a secret that must not be shown. It is
// shortPiece if the piece has both letters and digits. Else it is longPiece, since the
// piece may be a word or a date.
const (
	shortPiece = 8
	longPiece  = 12
)

// leaks reports whether a piece of a secret is left in s, however it is escaped,
// encoded or spread. s is short.
func (m redactor) leaks(s string) bool {
	pieces := m.pieces()
	if len(pieces.plain)+len(pieces.masks) == 0 {
		return false
	}
	return slices.ContainsFunc(decodings(s), func(reading string) bool { return pieces.in(alphanumeric(reading)) })
}

// pieces are those that may not be shown, plain or masked.
type pieces struct {
	plain map[string]bool
	masks []Mask
}

// commonWords are words of the service that may be in a secret, and show nothing of it.
const commonWords = "registrationtokens authtokens accesstokens refreshtokens clientcredentials expirationdate administrator"

// pieces returns the pieces of each secret that must not be shown.
func (m redactor) pieces() pieces {
	found := pieces{map[string]bool{}, m.masks}
	for _, part := range m.parts() {
		found.add(alphanumeric(part))
		found.add(alphanumeric(unescaped(part))) // an apparent escape may belong to the secret
	}
	return found
}

func (p pieces) add(part []rune) {
	for i := range part {
		for _, size := range []int{shortPiece, longPiece} {
			if i+size <= len(part) && (size == longPiece || mixed(part[i:i+size])) {
				p.plain[string(part[i:i+size])] = true
			}
		}
	}
	if len(part) >= shortPiece && len(part) < longPiece || len(part) >= shortestHalf && len(part) < shortPiece && mixed(part) {
		p.plain[string(part)] = true
	}
	maps.DeleteFunc(p.plain, func(piece string, _ bool) bool { return strings.Contains(commonWords, piece) })
}

// mixed reports whether a piece has both letters and digits.
func mixed(piece []rune) bool {
	return slices.ContainsFunc(piece, unicode.IsDigit) && slices.ContainsFunc(piece, unicode.IsLetter)
}

// in reports whether one of p stands in text, in either direction.
func (p pieces) in(text []rune) bool {
	for range 2 {
		for size := shortestHalf; size <= longPiece; size++ {
			masks := slices.DeleteFunc(slices.Clone(p.masks), func(m Mask) bool { return !slices.Contains(m.sizes(), size) })
			for i := 0; i+size <= len(text); i++ {
				piece := string(text[i : i+size])
				if p.plain[piece] || slices.ContainsFunc(masks, func(m Mask) bool { return m.has(piece) }) {
					return true
				}
			}
		}
		slices.Reverse(text)
	}
	return false
}

// alphanumeric returns the letters and digits of s, in lower case.
func alphanumeric(s string) []rune {
	return []rune(strings.Map(func(r rune) rune {
		if isSign(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s))
}

// maxDecodings is how many encodings, one within the other, are read.
const maxDecodings = 3

// maxEscapes is how many escapes, one within the other, are undone.
const maxEscapes = 8

// decodings returns s and its possible decodings.
func decodings(s string) []string {
	all := []string{s, unescaped(s)}
	last := all
	for range maxDecodings {
		known := len(all)
		for _, text := range last {
			for _, plain := range decoded(text) {
				for _, reading := range []string{plain, unescaped(plain)} {
					if !slices.Contains(all, reading) {
						all = append(all, reading)
					}
				}
			}
		}
		last = all[known:]
	}
	return all
}

var (
	escapedByte = regexp.MustCompile(`(?i)(?:%|=|\\+x|0x)([0-9a-f]{2})[ ,;]?`)
	escapedRune = regexp.MustCompile(`(?i)\\+u\{?([0-9a-f]{2,8})\}?|\\+([0-3][0-7]{2})|\bU\+([0-9a-f]{4,6}) ?`)
	legible     = regexp.MustCompile(`[[:graph:]][[:print:]]{6,}[[:graph:]]`)
	numbers     = regexp.MustCompile(`\b[0-9]{2,3}\b`)
	notHex      = regexp.MustCompile(`[^0-9a-fA-F]+`)
	not64       = regexp.MustCompile(`[^0-9a-zA-Z+/]+`)
	not32       = regexp.MustCompile(`[^A-Z2-7]+`)
)

// unescaped undoes escapes, also one within the other.
func unescaped(s string) string {
	for range maxEscapes {
		before := s
		s = html.UnescapeString(s)
		s = escapedRune.ReplaceAllStringFunc(s, func(e string) string {
			for i, digits := range escapedRune.FindStringSubmatch(e)[1:] {
				base := []int{16, 8, 16}[i]
				if n, err := strconv.ParseUint(digits, base, 21); err == nil {
					return string(rune(n))
				}
			}
			return e
		})
		s = escapedByte.ReplaceAllStringFunc(s, func(e string) string {
			b, _ := hex.DecodeString(escapedByte.FindStringSubmatch(e)[1]) // two digits
			return string(b)
		})
		if s == before {
			break
		}
	}
	return s
}

// decoded returns the texts that s may encode, from any start in s. An illegible result
// is none.
func decoded(s string) []string {
	var found []string
	keep := func(b []byte) {
		if text := strings.Join(legible.FindAllString(string(b), -1), " "); text != "" {
			found = append(found, text)
		}
	}
	from := func(text string, group int, decode func(string) []byte) {
		for start := range min(group, len(text)) {
			keep(decode(text[start : len(text)-(len(text)-start)%group]))
		}
	}
	joined := strings.Join(strings.Fields(s), "")
	from(notHex.ReplaceAllString(s, ""), 2, func(t string) []byte { b, _ := hex.DecodeString(t); return b })
	for _, text := range append(strings.Fields(s), joined) {
		sixty := strings.NewReplacer("-", "+", "_", "/").Replace(text)
		for _, run := range not64.Split(sixty, -1) {
			from(run+"AAA", 4, func(t string) []byte { b, _ := base64.StdEncoding.DecodeString(t); return b })
		}
		for _, run := range not32.Split(strings.ToUpper(text), -1) {
			from(run+"AAAAAAA", 8, func(t string) []byte { b, _ := base32.StdEncoding.DecodeString(t); return b })
		}
	}
	var bytes []byte
	for _, n := range numbers.FindAllString(s, -1) {
		if b, err := strconv.ParseUint(n, 10, 8); err == nil {
			bytes = append(bytes, byte(b))
		}
	}
	keep(bytes)
	return found
}
