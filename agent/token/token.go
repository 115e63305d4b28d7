// Package token has secrets that do not print, instances, the states of auth tokens,
// and the format of registration tokens.
//
// It does no I/O. It does not know how a token is stored or where it comes from.
package token

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"
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

// SessionLimitText says for people that a service ends its sessions after d, and what
// a device needs then. d is rounded.
func SessionLimitText(d time.Duration) string {
	return fmt.Sprintf("sessions end after about %s: this tenant needs offline tokens", roundedText(d))
}

// roundedText is d in the largest unit of which it has two, when it is rounded.
func roundedText(d time.Duration) string {
	switch {
	case d.Round(time.Hour) >= 48*time.Hour:
		return fmt.Sprintf("%d d", int64((d+12*time.Hour)/(24*time.Hour)))
	case d.Round(time.Minute) >= 2*time.Hour:
		return fmt.Sprintf("%d h", int64(d.Round(time.Hour)/time.Hour))
	case d.Round(time.Second) >= 2*time.Minute:
		return fmt.Sprintf("%d min", int64(d.Round(time.Minute)/time.Minute))
	}
	return fmt.Sprintf("%d s", int64(d.Round(time.Second)/time.Second))
}

// The fingerprint of a registration token is argon2id with these parameters. All
// programs and releases use the same, since people compare fingerprints. One takes
// 0.1 to 0.3 s and 32 MiB on a small device.
const (
	fingerprintSalt   = "regent registration token fingerprint 1"
	fingerprintPasses = 2
	fingerprintMemory = 32 << 10 // KiB
	fingerprintSize   = 6        // bytes, of which each is two digits
)

// fingerprintCache are the fingerprints that this process computed, by SHA-256. One is
// computed at a time: each takes much memory.
var fingerprintCache struct {
	sync.Mutex
	by map[[sha256.Size]byte]string
}

// maxCachedFingerprints bounds them.
const maxCachedFingerprints = 64

// Fingerprint identifies a registration token without showing it: 12 hex digits of a slow
// hash, so a reader cannot test passwords quickly. It is for administrators. The first call
// for a registration token takes 0.1 to 0.3 s: compute it when the token arrives, and keep
// it. It is safe for concurrent use.
func Fingerprint(registration Secret) string {
	plain := []byte(registration.Reveal())
	key := sha256.Sum256(plain)
	fingerprintCache.Lock()
	defer fingerprintCache.Unlock()
	if known, ok := fingerprintCache.by[key]; ok {
		return known
	}
	sum := argon2.IDKey(plain, []byte(fingerprintSalt), fingerprintPasses, fingerprintMemory, 1, fingerprintSize)
	if fingerprintCache.by == nil || len(fingerprintCache.by) >= maxCachedFingerprints {
		fingerprintCache.by = map[[sha256.Size]byte]string{}
	}
	debug.FreeOSMemory() // a daemon is not to keep for days what it needs once
	fingerprintCache.by[key] = hex.EncodeToString(sum)
	return fingerprintCache.by[key]
}

// LegacyFingerprint is the fingerprint of earlier releases in the ledger and in sealed
// records: the first 8 hex digits of the token's SHA-256. It only finds those lines, and is
// never shown.
func LegacyFingerprint(registration Secret) string {
	sum := sha256.Sum256([]byte(registration.Reveal()))
	return hex.EncodeToString(sum[:4])
}

// Fingerprints are the names by which a registration token may stand in the ledger.
func Fingerprints(registration Secret) []string {
	return []string{Fingerprint(registration), LegacyFingerprint(registration)}
}
