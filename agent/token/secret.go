// Package token holds what the service grants: secrets that cannot be printed by
// accident, and the span of time for which they are good. It must not know how
// they are kept or where they come from.
package token

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

var errMarshal = errors.New("token: a Secret is never marshalled; call Reveal where it must leave the process")

// Secret is a string that does not appear in logs, errors or JSON.
// The one way to its value is Reveal, so that its uses can be found by name.
//
// The value sits behind a pointer because fmt ignores the methods of
// unexported fields: printing a struct that keeps a Secret in one shows an
// address, where a plain string field would show the secret.
type Secret struct{ p *string }

// NewSecret wraps s.
func NewSecret(s string) Secret { return Secret{&s} }

// Reveal returns the secret itself.
func (s Secret) Reveal() string {
	if s.p == nil {
		return ""
	}
	return *s.p
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal reports, in constant time, whether two secrets are the same.
func (s Secret) Equal(t Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

// Format implements [fmt.Formatter], for every verb.
func (Secret) Format(f fmt.State, _ rune) {
	io.WriteString(f, redacted) //nolint:errcheck,gosec // fmt itself keeps no error here
}

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText fails: a Secret in a document is a defect.
func (Secret) MarshalText() ([]byte, error) { return nil, errMarshal }

// MarshalJSON fails, as MarshalText does.
func (Secret) MarshalJSON() ([]byte, error) { return nil, errMarshal }
