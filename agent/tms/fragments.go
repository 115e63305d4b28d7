package tms

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// The fragments of a secret that are masked, in characters. At a cut, which is the end of
// the text or a sign that something is left out, the beginning and the end of a secret
// count. Elsewhere what is an ordinary word by its form is none. An encoded secret has
// fewer of its own characters in as many of its text.
const (
	shortestAtCut  = 3
	shortestWithin = 4
	shortestCoded  = 8
)

const redacted = "[redacted]"

var (
	fragment  = regexp.MustCompile(`[A-Za-z0-9]{3,}`)
	cutAfter  = regexp.MustCompile(`^[^A-Za-z0-9 ]{0,2}?(…|\.\.|\*|$)`)
	cutBefore = regexp.MustCompile(`(…|\.\.|\*)[^A-Za-z0-9 ]{0,2}$`)
)

// fragments hides the pieces of secrets that are left in s, where a text cuts them.
func (m redactor) fragments(s string) string {
	raw, coded := m.wholes()
	if len(raw) == 0 {
		return s
	}
	between := strings.Split(s, redacted)
	for i, text := range between {
		before, after := "", ""
		if i > 0 {
			before = "…"
		}
		if i < len(between)-1 {
			after = "…"
		}
		var out strings.Builder
		end := 0
		for _, at := range fragment.FindAllStringIndex(text, -1) {
			piece := text[at[0]:at[1]]
			left, right := before+text[:at[0]], text[at[1]:]+after
			if tells(piece, left, right, raw, coded) {
				out.WriteString(text[end:at[0]] + redacted)
				end = at[1]
			}
		}
		between[i] = out.String() + text[end:]
	}
	return strings.Join(between, redacted)
}

// tells reports whether piece, which stands between left and right, tells of a secret.
func tells(piece, left, right string, raw, coded []string) bool {
	if strings.Contains(commonWords, strings.ToLower(piece)) {
		return false
	}
	word := wordlike(piece)
	begins := cutAfter.MatchString(right)
	last := strings.Trim(right, signs) == ""
	ends := cutBefore.MatchString(left)
	for _, whole := range raw {
		switch {
		case begins && strings.HasPrefix(whole, piece) && !(last && word && spoken.MatchString(whole)), ends && strings.HasSuffix(whole, piece):
			return true
		case !word && len(piece) >= shortestWithin && strings.Contains(whole, piece):
			return true
		}
	}
	return !word && len(piece) >= shortestCoded &&
		slices.ContainsFunc(coded, func(whole string) bool { return strings.Contains(whole, piece) })
}

// wholes returns the secrets and their parts as they are, and as they may be encoded.
func (m redactor) wholes() (raw, coded []string) {
	for _, s := range m {
		if s.IsZero() {
			continue
		}
		for _, part := range secretParts(reveal(s)) {
			if len(part) >= shortestCoded { // of a shorter one a fragment is most of it, and a mask would say so
				raw = append(raw, strings.TrimFunc(part, isSign))
				coded = append(coded, encodings(part)...)
			}
		}
	}
	return raw, coded
}

func isSign(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// wordlike reports whether s may be an ordinary word, some that run together, or a number.
var wordlike = regexp.MustCompile(`^(([A-Z]?[a-z]{2,})+|[A-Z]+|[0-9]+)$`).MatchString

// spoken are secrets that begin with a word, as names do: a text may end in that word.
var spoken = regexp.MustCompile(`^([A-Z]?[a-z]{2,}|[A-Z]{2,})([^A-Za-z]|$)`)

// signs may stand behind the last word of a text.
const signs = `.!?"')]} `
