package tms

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"regent/agent/token"
)

// withheld replaces a text that repeats a secret in a form that cannot be cut out.
const withheld = "[withheld: it repeats a secret]"

// redactor hides the secrets of one call in foreign texts.
type redactor struct {
	secrets []token.Secret
	masks   []Mask // of secrets that this process does not have any more
}

// text makes the words of others fit for a message: one line, printable,
// bounded, without the secrets. Where a piece of one is left, nothing is shown.
func (m redactor) text(s string) string {
	s = strings.Map(printable, strings.ToValidUTF8(s, ""))
	s = m.redact(strings.TrimSpace(s))
	s = strings.ToValidUTF8(s[:min(len(s), maxText)], "")
	if m.leaks(s) {
		s = withheld
	} else {
		s = m.fragments(s)
	}
	if m.in(s) { // a secret so short that the mask, or a cut, made it again
		return ""
	}
	return s
}

// cause makes err fit for [Failure.Err]. It stays the same error, unless its text
// contains a secret. Then only the redacted text remains, and whether the context ended
// it.
func (m redactor) cause(err error) error {
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err // without the URL
	}
	if clean := m.text(err.Error()); clean != err.Error() {
		return &redactedError{clean, contextCause(err)}
	}
	return err
}

// Redact makes a text of the service fit to be shown: one line, bounded, without the
// secrets, the parts of registration tokens, or pieces of either.
func Redact(text string, secrets ...token.Secret) string {
	return redactor{secrets: secrets}.text(text)
}

func (m redactor) redact(s string) string {
	for _, form := range m.forms() {
		s = strings.ReplaceAll(s, form, redacted)
	}
	return s
}

func (m redactor) in(s string) bool {
	return slices.ContainsFunc(m.forms(), func(form string) bool { return strings.Contains(s, form) })
}

// parts returns each secret, and the parts of it that are secrets as well.
func (m redactor) parts() (all []string) {
	for _, s := range m.secrets {
		if s.IsZero() {
			continue
		}
		for i, part := range secretParts(reveal(s)) {
			if i == 0 || len(part) >= shortestHalf {
				all = append(all, part)
			}
		}
	}
	return all
}

// forms returns how each secret may stand in a text, the longest form first, since
// a shorter one may be a part of it.
func (m redactor) forms() []string {
	var forms []string
	for _, part := range m.parts() {
		forms = append(forms, encodings(part)...)
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	return slices.Compact(forms)
}

type redactedError struct {
	text  string
	cause error
}

func (c *redactedError) Error() string { return c.text }
func (c *redactedError) Unwrap() error { return c.cause }

func contextCause(err error) error {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return end
		}
	}
	return nil
}

// The fragments of a secret that are masked, in characters. At a cut, which is the end of
// the text, a mask, or a sign that something is left out, the beginning and the end of a
// secret count. Elsewhere a word of ordinary form is not a secret. An encoded secret has
// fewer of its own characters in as many of its text.
const (
	shortestAtCut  = 3
	shortestWithin = 4
	shortestCoded  = 8
)

const redacted = "[redacted]"

var (
	fragment  = regexp.MustCompile(`[A-Za-z0-9]{3,}`)
	cutAfter  = regexp.MustCompile(`^[^A-Za-z0-9 ]{0,2}?(…|\.\.|\*|\[redacted\]|$)`)
	cutBefore = regexp.MustCompile(`(…|\.\.|\*|\[redacted\])[^A-Za-z0-9 ]{0,2}$`)
)

// fragments hides the pieces of secrets that are left in s, where a text cuts them.
func (m redactor) fragments(s string) string {
	raw, coded := m.wholes()
	if len(raw) == 0 {
		return s
	}
	var out strings.Builder
	end := 0
	for _, at := range fragment.FindAllStringIndex(s, -1) {
		if reveals(s[at[0]:at[1]], s[:at[0]], s[at[1]:], raw, coded) {
			out.WriteString(s[end:at[0]] + redacted)
			end = at[1]
		}
	}
	return out.String() + s[end:]
}

// reveals reports whether piece, which is between left and right, is a part of a secret.
func reveals(piece, left, right string, raw, coded []string) bool {
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
	for _, part := range m.parts() {
		if len(part) >= shortestCoded { // of a shorter one a fragment is most of it, and a mask would say so
			raw = append(raw, strings.TrimFunc(part, isSign))
			coded = append(coded, encodings(part)...)
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

// shortestHalf is the shortest half of a registration token that is masked, in
// bytes: a shorter one stands in every other word, and is no secret.
const shortestHalf = 4

// secretParts returns a secret and, if it is base64 of user:password as a registration
// token is (O), the decoded text and both halves, which are secrets as well.
func secretParts(secret string) []string {
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		plain, err := e.DecodeString(secret)
		user, password, ok := strings.Cut(string(plain), ":")
		if err == nil && ok && utf8.Valid(plain) {
			return []string{secret, string(plain), user, password}
		}
	}
	return []string{secret}
}

var possibleRegistration = regexp.MustCompile(`[A-Za-z0-9+/_-]{8,}={0,2}`)

// mostRegistrations is the largest number of registration tokens to look for in an answer.
const mostRegistrations = 32

// registrationsIn returns the words of an answer that are base64 of user:password. An error
// may contain a registration token that Regent does not know yet.
func registrationsIn(body []byte) (found []token.Secret) {
	for _, word := range possibleRegistration.FindAll(body, -1) {
		if s := token.NewSecret(string(word)); len(found) < mostRegistrations && token.FormatWarning(s) == "" {
			found = append(found, s)
		}
	}
	return found
}

// encodings returns the ways in which a service, or something before it, may write
// a secret that it was sent: as it is, escaped, and encoded.
func encodings(part string) []string {
	b := []byte(part)
	numbers := strings.Trim(fmt.Sprintf("%d", b), "[]")
	forms := []string{
		part, strings.ToLower(part), strings.ToUpper(part), url.QueryEscape(part), url.PathEscape(part), html.EscapeString(part),
		hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)), numbers,
		strings.ReplaceAll(numbers, " ", ","), strings.ReplaceAll(numbers, " ", ", "),
		strings.ReplaceAll(fmt.Sprintf("% x", b), " ", "%"), strings.ReplaceAll(fmt.Sprintf("% X", b), " ", "%"), // the first % is harmless
		strings.Trim(strconv.Quote(part), `"`), strings.Trim(strconv.QuoteToASCII(part), `"`),
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		encoded := e.EncodeToString(b)
		forms = append(forms, encoded, url.QueryEscape(encoded))
	}
	if len(b) >= shortestInside {
		for shift := range 3 {
			forms = append(forms, base64Inside(base64.StdEncoding, b, shift), base64Inside(base64.URLEncoding, b, shift))
		}
	}
	if quoted, err := json.Marshal(part); err == nil {
		forms = append(forms, strings.Trim(string(quoted), `"`))
	}
	return forms
}

// shortestInside is the shortest secret that is masked within the base64 of a
// longer text, in bytes: of a shorter one too few letters are its own.
const shortestInside = 8

// base64Inside returns the part that encodes b alone, in the base64 of a longer text with
// shift bytes, or three more, before it.
func base64Inside(e *base64.Encoding, b []byte, shift int) string {
	text := e.EncodeToString(append(make([]byte, shift), b...))
	return text[(8*shift+5)/6 : 8*(shift+len(b))/6]
}
