package redeem

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"regent/agent/store"
	"regent/agent/token"
)

// fingerprintsName is the store's record of fingerprints.
const fingerprintsName = "fingerprints"

// maxFingerprints bounds the record; beyond it the oldest is computed again.
const maxFingerprints = 512

// fingerprintEntry is one registration token by its SHA-256. That stands sealed only:
// it can be guessed against.
type fingerprintEntry struct {
	Sum         string `json:"sum"`
	Fingerprint string `json:"fingerprint"`
}

// fingerprints keep the fingerprint of each registration token that ever came, so
// that none is computed at each start. It is safe for concurrent use.
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
	sum := sha256.Sum256([]byte(t.Reveal())) //nolint:forbidigo // it is kept sealed
	key := hex.EncodeToString(sum[:])
	if known, ok := f.find(key); ok {
		return known
	}
	computed := token.Fingerprint(t) // slow: nobody waits for mu meanwhile
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.ContainsFunc(f.known, func(one fingerprintEntry) bool { return one.Sum == key }) {
		return computed
	}
	f.known, f.unsaved = append(f.known, fingerprintEntry{key, computed}), true
	if len(f.known) > maxFingerprints {
		f.known = f.known[1:]
	}
	return computed
}

func (f *fingerprints) find(key string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.known {
		if one.Sum == key {
			return one.Fingerprint, true
		}
	}
	return "", false
}

// save seals what was computed since. What cannot be sealed is computed again by
// the next process.
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
