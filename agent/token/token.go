// Package token has secrets that do not print, instances, the states of auth tokens,
// and the format of registration tokens.
//
// It does no I/O. Other packages store and fetch tokens.
package token

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"
)

const redacted = "[redacted]"

var errMarshal = errors.New("token: a Secret is never marshaled; call Reveal where it must leave the process")

// Secret is a string that does not appear in logs, errors or JSON. Only Reveal returns its
// value, so that its uses can be found by name.
//
// The value is behind a pointer, since fmt ignores the methods of unexported fields. A
// printed struct with a Secret in such a field shows an address. A plain string field would
// show the secret.
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

// Format implements [fmt.Formatter]. It prints [redacted] for every verb.
func (Secret) Format(f fmt.State, _ rune) {
	io.WriteString(f, redacted) //nolint:errcheck,gosec // fmt itself keeps no error here
}

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns an error: a Secret in a document is a defect.
func (Secret) MarshalText() ([]byte, error) { return nil, errMarshal }

// MarshalJSON returns an error, as MarshalText does.
func (Secret) MarshalJSON() ([]byte, error) { return nil, errMarshal }

// SessionLimitText tells people that a service ends its sessions after d, and that the tenant
// needs offline tokens. It rounds d.
func SessionLimitText(d time.Duration) string {
	return fmt.Sprintf("sessions end after about %s: this tenant needs offline tokens", roundedText(d))
}

// roundedText returns d rounded, in the largest unit that gives at least 2.
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
	fingerprintSize   = 6        // bytes; each is two digits
)

// fingerprintCache are the fingerprints that this process computed, by SHA-256. One is
// computed at a time: each takes much memory.
var fingerprintCache struct {
	sync.Mutex
	by map[[sha256.Size]byte]string
}

// maxCachedFingerprints bounds the cache.
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
	debug.FreeOSMemory() // the memory is needed only once
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

// Fingerprints returns the fingerprints that the ledger may have for a registration token.
func Fingerprints(registration Secret) []string {
	return []string{Fingerprint(registration), LegacyFingerprint(registration)}
}

// MaxInstances bounds the instances of one application, since each costs a count. So a typing
// error does not use a million counts.
const MaxInstances = 10_000

// Instance names one instance of an application at one tenant. It is public: safe in
// logs and on the wire.
type Instance struct {
	Tenant      string // the tenant's host, with its port if it has one: "demo-host.com"
	Application string // "cad"
	Number      int    // 1 and up
}

// TenantHost returns the host of a tenant's base URL, with its port if it has one. It is
// the tenant's name in [Instance]. The URL is in the normal form of the settings.
func TenantHost(baseURL string) string {
	_, host, _ := strings.Cut(baseURL, "://")
	return host
}

// String returns the name that people use: "cad/1".
func (id Instance) String() string { return id.Application + "/" + strconv.Itoa(id.Number) }

// Key returns the name of the instance in the store: "demo-host.com/cad/1". Two tenants never
// share one.
func (id Instance) Key() string { return id.Tenant + "/" + id.String() }

// Compare orders instances by tenant, application and number.
func (id Instance) Compare(other Instance) int {
	return cmp.Or(strings.Compare(id.Tenant, other.Tenant), strings.Compare(id.Application, other.Application), cmp.Compare(id.Number, other.Number))
}

// ParseInstanceKey is the inverse of [Instance.Key].
func ParseInstanceKey(key string) (Instance, error) {
	tenant, name, ok := strings.Cut(key, "/")
	if !ok || tenant == "" {
		return Instance{}, fmt.Errorf("instance key %q is not tenant/application/instance", key)
	}
	app, number, err := ParseInstanceName(name)
	return Instance{tenant, app, number}, err
}

// ParseInstanceName splits "cad/1".
func ParseInstanceName(s string) (application string, number int, err error) {
	app, num, ok := strings.Cut(s, "/")
	if !ok {
		return "", 0, fmt.Errorf("instance %q is not application/number, such as cad/1", s)
	}
	if err := CheckApplication(app); err != nil {
		return "", 0, err
	}
	n, err := ParseInstanceNumber(num)
	return app, n, err
}

// ParseInstanceNumber reads the number of an instance: decimal, 1 to [MaxInstances],
// no sign, no leading zero.
func ParseInstanceNumber(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > MaxInstances || strconv.Itoa(n) != s {
		return 0, fmt.Errorf("instance %.20q is not a number from 1 to %d", s, MaxInstances)
	}
	return n, nil
}

// CheckApplication checks an application's id: [a-z0-9][a-z0-9-]*, at most 64 bytes.
func CheckApplication(s string) error {
	if s == "" || len(s) > 64 {
		return fmt.Errorf("application id has %d bytes, want 1 to 64", len(s))
	}
	if s[0] == '-' || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("application id %q: only a-z, 0-9 and - are allowed, and - is not first", s)
	}
	return nil
}
