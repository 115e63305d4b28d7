package tms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"regent/agent/token"
)

// maxText bounds the service's words, in bytes.
const maxText = 300

var _ error = (*Failure)(nil)

// Error names the operation, the host and what happened, in one line. The
// service's own words are in Message alone.
func (f *Failure) Error() string {
	switch f.Reach {
	case NotSent:
		return fmt.Sprintf("%s: nothing was sent to %s: %v", f.Op, f.Host, f.Err)
	case Lost:
		if f.Status != 0 {
			return fmt.Sprintf("%s: sent to %s, and the answer could not be read: %v", f.Op, f.Host, f.Err)
		}
		return fmt.Sprintf("%s: sent to %s, but no answer came that can be read: %v", f.Op, f.Host, f.Err)
	}
	said := strings.TrimSpace(fmt.Sprintf("%d %s", f.Status, http.StatusText(f.Status)))
	if f.Code != "" {
		said += " (" + f.Code + ")"
	}
	return fmt.Sprintf("%s: %s answered %s", f.Op, f.Host, said)
}

// ServiceWords is what the service answered, word by word: its code, and its text in quotes.
func (f *Failure) ServiceWords() string {
	if f.Message == "" || f.Code == "" {
		return strconv.Quote(f.Message + f.Code)
	}
	return f.Code + " " + strconv.Quote(f.Message)
}

// withheld stands in place of a text that repeats a secret in a form which cannot
// be cut out.
const withheld = "[withheld: it repeats a secret]"

// redactor hides the secrets of one call in what others wrote.
type redactor []token.Secret

// text makes the words of others fit for a message: one line, printable,
// bounded, without the secrets. Where a piece of one is left, nothing is shown.
func (m redactor) text(s string) string {
	s = strings.Map(printable, strings.ToValidUTF8(s, ""))
	s = truncated(m.redact(strings.TrimSpace(s)))
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

// cause makes err fit for [Failure.Err]. It stays what it is, unless its text
// is not fit to be shown: of that one only the text is kept, and whether the
// context ended it.
func (m redactor) cause(err error) error {
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err // without the URL
	}
	if clean := m.text(err.Error()); clean != err.Error() {
		return &redactedError{clean, contextCause(err)}
	}
	return err
}

func (m redactor) redact(s string) string {
	for _, form := range m.forms() {
		s = strings.ReplaceAll(s, form, redacted)
	}
	return s
}

func (m redactor) in(s string) bool {
	for _, form := range m.forms() {
		if strings.Contains(s, form) {
			return true
		}
	}
	return false
}

// forms returns how each secret may stand in a text, the longest form first, since
// a shorter one may be a part of it.
func (m redactor) forms() []string {
	var forms []string
	for _, s := range m {
		if s.IsZero() {
			continue
		}
		for i, part := range secretParts(reveal(s)) {
			if i > 0 && len(part) < shortestHalf {
				continue
			}
			forms = append(forms, encodings(part)...)
		}
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

// printable drops what could move a reader's cursor or turn the text around.
func printable(r rune) rune {
	switch {
	case unicode.IsPrint(r):
		return r
	case unicode.IsSpace(r):
		return ' '
	}
	return -1
}

func truncated(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "")
}
