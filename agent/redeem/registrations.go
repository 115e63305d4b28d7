package redeem

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"regent/agent/fault"
	"regent/agent/store"
	"regent/agent/token"
)

const registrationPrefix = "registration/"

// Scope says for which instances a registration token is: for all applications of a tenant,
// or for one application with its own registration token.
type Scope struct {
	Tenant      string // host
	Application string // "" is the tenant's default
}

// Covers reports whether a registration token for s pays for an instance.
func (s Scope) Covers(id token.Instance) bool {
	return id.Tenant == s.Tenant && (s.Application == "" || s.Application == id.Application)
}

func (s Scope) record() string {
	return registrationPrefix + strings.TrimSuffix(s.Tenant+"/"+s.Application, "/")
}

// RegistrationToken is a sealed registration token.
type RegistrationToken struct {
	Scope       `json:"scope"`
	Token       token.Secret `json:"token"`
	Fingerprint string       `json:"-"`
	Source      string       `json:"source"` // its origin, for people
	ReceivedAt  time.Time    `json:"received_at"`

	// Refused is the kind of the service's refusal; "" if the service did not refuse it.
	Refused     fault.Kind `json:"refused,omitempty"`
	RefusedText string     `json:"refused_text,omitempty"`
	RefusedAt   time.Time  `json:"refused_at,omitzero"`

	// Fallback is the previous registration token, if the service did not refuse it. It
	// replaces this one if the service refuses this one, for example after a typing error.
	Fallback FallbackToken `json:"-"`
}

// Is reports whether t is the registration token or its fallback.
func (r RegistrationToken) Is(t token.Secret) bool {
	return r.Token.Equal(t) || r.Fallback.Token.Equal(t)
}

// FallbackToken is a registration token that was replaced. The zero value is none.
type FallbackToken struct {
	Token      token.Secret
	Source     string
	ReceivedAt time.Time
}

// sealedRegistration is the stored form of a RegistrationToken, with its secrets.
type sealedRegistration struct {
	RegistrationToken
	Token       string    `json:"token"`
	Spare       string    `json:"spare,omitempty"`
	SpareSource string    `json:"spare_source,omitempty"`
	SpareAt     time.Time `json:"spare_at,omitzero"`
}

// Registrations are the registration tokens in memory and sealed in the store. Both are
// always the same. It is safe for concurrent use.
type Registrations struct {
	fingerprints *fingerprints

	mu     sync.Mutex
	store  *store.Records
	tokens map[Scope]RegistrationToken
}

// OpenRegistrations reads the registration tokens. It returns a [store.UnreadableError] if
// one cannot be read.
func OpenRegistrations(ctx context.Context, s store.Store) (*Registrations, error) {
	prints, err := openFingerprints(ctx, s)
	if err != nil {
		return nil, err
	}
	r := &Registrations{store: store.NewRecords(s), fingerprints: prints, tokens: map[Scope]RegistrationToken{}}
	if err := r.store.ReadAll(ctx, registrationPrefix, func(name string) error { return r.load(ctx, name) }); err != nil {
		return nil, err
	}
	// Fingerprints from an earlier release come into the record here. If it cannot be
	// written, for example on a full disk, the agent issues tokens all the same.
	_ = prints.save(ctx)
	return r, nil
}

// Fingerprint returns the fingerprint of a registration token, stored or not. For an unknown
// one it takes as long as [token.Fingerprint].
func (r *Registrations) Fingerprint(t token.Secret) string { return r.fingerprints.get(t) }

// CacheFingerprint seals the fingerprint of a registration token, so that no later start
// computes it. It ignores a failed write.
func (r *Registrations) CacheFingerprint(ctx context.Context, t token.Secret) {
	r.fingerprints.get(t)
	_ = r.fingerprints.save(ctx)
}

// Fingerprints returns the fingerprints that the ledger may have for a registration token.
func (r *Registrations) Fingerprints(t token.Secret) []string {
	return []string{r.fingerprints.get(t), token.LegacyFingerprint(t)}
}

func (r *Registrations) load(ctx context.Context, name string) error {
	var s sealedRegistration
	if err := r.store.Read(ctx, name, &s); err != nil {
		return err
	}
	if s.record() != name {
		return fmt.Errorf("it is of %s: %w", s.record(), store.ErrKey)
	}
	h := s.RegistrationToken
	h.Token, h.Fallback = token.NewSecret(s.Token), FallbackToken{token.NewSecret(s.Spare), s.SpareSource, s.SpareAt}
	h.Fingerprint = r.fingerprints.get(h.Token)
	r.tokens[h.Scope] = h
	return nil
}

// Store seals h as the registration token of its scope. If it returns nil, the sealed copy
// is durable and the caller may delete the original. The previous token becomes the
// fallback, unless the service has refused it.
func (r *Registrations) Store(ctx context.Context, h RegistrationToken) error {
	r.fingerprints.get(h.Token) // slow, so without mu
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.tokens[h.Scope]; ok {
		h.Fallback = old.Fallback
		if !old.Token.Equal(h.Token) && old.Refused == "" {
			h.Fallback = FallbackToken{old.Token, old.Source, old.ReceivedAt}
		}
	}
	return r.put(ctx, h)
}

// put writes h to the store, then to memory. The caller holds mu.
func (r *Registrations) put(ctx context.Context, h RegistrationToken) error {
	err := r.store.Write(ctx, h.record(), sealedRegistration{h, h.Token.Reveal(), h.Fallback.Token.Reveal(), h.Fallback.Source, h.Fallback.ReceivedAt})
	if err != nil {
		return fmt.Errorf("store registration token for %s: %w", h.Tenant, err)
	}
	h.Fingerprint = r.fingerprints.get(h.Token)
	r.tokens[h.Scope] = h
	return nil
}

// SetRefusal records the service's refusal of h. If h has a fallback, that replaces h. It
// does nothing if another registration token arrived in between, or the same one again.
func (r *Registrations) SetRefusal(ctx context.Context, h RegistrationToken, code fault.Kind, text string, at time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.isCurrent(h) {
		return nil
	}
	if s := h.Fallback; code != "" && !s.Token.IsZero() {
		return r.put(ctx, RegistrationToken{Scope: h.Scope, Token: s.Token, Source: s.Source, ReceivedAt: s.ReceivedAt})
	}
	h.Refused, h.RefusedText, h.RefusedAt = code, text, at
	return r.put(ctx, h)
}

// Delete removes h durably. It does nothing if another registration token arrived in
// between, or the same one again.
func (r *Registrations) Delete(ctx context.Context, h RegistrationToken) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.isCurrent(h) {
		return nil
	}
	if err := r.store.Delete(ctx, h.record()); err != nil {
		return fmt.Errorf("drop registration token for %s: %w", h.Tenant, err)
	}
	delete(r.tokens, h.Scope)
	return nil
}

// isCurrent reports whether h is the present token of its scope. The caller holds mu.
func (r *Registrations) isCurrent(h RegistrationToken) bool {
	now, ok := r.tokens[h.Scope]
	return ok && now.Token.Equal(h.Token) && now.ReceivedAt.Equal(h.ReceivedAt)
}

// ForScope returns the registration token of an application: its own, or the tenant's
// default.
func (r *Registrations) ForScope(s Scope) (RegistrationToken, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h, ok := r.tokens[s]; ok {
		return h, true
	}
	h, ok := r.tokens[Scope{Tenant: s.Tenant}]
	return h, ok
}

// List returns all registration tokens, sorted by scope.
func (r *Registrations) List() []RegistrationToken {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.SortedFunc(maps.Values(r.tokens), func(a, b RegistrationToken) int { return strings.Compare(a.record(), b.record()) })
}

// fingerprintsName is the store's record of fingerprints.
const fingerprintsName = "fingerprints"

// maxFingerprints is the size of the record. The oldest entry is dropped first and computed
// again when needed.
const maxFingerprints = 512

// fingerprintEntry is one registration token by its SHA-256. The hash is sealed, because it
// allows guesses.
type fingerprintEntry struct {
	Sum         string `json:"sum"`
	Fingerprint string `json:"fingerprint"`
}

// fingerprints has the fingerprint of each registration token that ever came, so no start
// has to compute them. It is safe for concurrent use.
type fingerprints struct {
	mu      sync.Mutex
	store   *store.Records
	known   []fingerprintEntry // oldest first
	unsaved bool
}

func openFingerprints(ctx context.Context, s store.Store) (*fingerprints, error) {
	f := &fingerprints{store: store.NewRecords(s)}
	if err := f.store.Read(ctx, fingerprintsName, &f.known); err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("read the fingerprints of registration tokens: %w", err)
	}
	return f, nil
}

// get returns the fingerprint of t, which is computed if it is not known.
func (f *fingerprints) get(t token.Secret) string {
	sum := sha256.Sum256([]byte(t.Reveal()))
	key := hex.EncodeToString(sum[:])
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.IndexFunc(f.known, func(one fingerprintEntry) bool { return one.Sum == key }); i >= 0 {
		return f.known[i].Fingerprint
	}
	computed := token.Fingerprint(t) // slow, and one at a time
	f.known, f.unsaved = append(f.known, fingerprintEntry{key, computed}), true
	if len(f.known) > maxFingerprints {
		f.known = f.known[1:]
	}
	return computed
}

// save seals the new fingerprints. If sealing fails, the next process computes them again.
func (f *fingerprints) save(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.unsaved {
		return nil
	}
	if err := f.store.Write(ctx, fingerprintsName, f.known); err != nil {
		return fmt.Errorf("store the fingerprints of registration tokens: %w", err)
	}
	f.unsaved = false
	return nil
}
