package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
)

// fakeKeyring answers what the test says and counts the keys that are made.
type fakeKeyring struct {
	key       []byte
	keyErr    error
	createErr error
	created   int
}

func (r *fakeKeyring) Key(context.Context) ([]byte, error) { return r.key, r.keyErr }
func (r *fakeKeyring) Create(context.Context) ([]byte, error) {
	r.created++
	return madeKey, r.createErr
}
func (r *fakeKeyring) Delete(context.Context) error { return nil }
func (r *fakeKeyring) Kind() string                 { return "fake" }

var (
	heldKey = bytes.Repeat([]byte{1}, KeySize)
	madeKey = bytes.Repeat([]byte{2}, KeySize)
)

func TestUnlock(t *testing.T) {
	damaged := errors.New("message authentication failed")
	locked := fmt.Errorf("prompt: %w", ErrLocked)
	none := fmt.Errorf("file: %w", ErrNoKey)
	tests := []struct {
		name     string
		ring     fakeKeyring
		hasState bool
		key      []byte
		state    State
		created  int
	}{
		{name: "key and state", ring: fakeKeyring{key: heldKey}, hasState: true, key: heldKey, state: OK},
		{name: "key, nothing kept yet", ring: fakeKeyring{key: heldKey}, key: heldKey, state: OK},
		{name: "first run", ring: fakeKeyring{keyErr: none}, key: madeKey, state: OK, created: 1},
		{name: "first run with half-made material", ring: fakeKeyring{keyErr: damaged}, key: madeKey, state: OK, created: 1},
		{name: "first run with a short key", ring: fakeKeyring{key: heldKey[1:]}, key: madeKey, state: OK, created: 1},
		{name: "first run, no key can be made", ring: fakeKeyring{keyErr: none, createErr: damaged}, state: Unreadable, created: 1},
		{name: "first run, still no key", ring: fakeKeyring{keyErr: none, createErr: none}, state: Unreadable, created: 1},
		{name: "first run, keyring locked meanwhile", ring: fakeKeyring{keyErr: none, createErr: locked}, state: Locked, created: 1},
		{name: "first run, keyring locked", ring: fakeKeyring{keyErr: locked}, state: Locked},
		{name: "first run, no answer", ring: fakeKeyring{keyErr: context.DeadlineExceeded}, state: Locked},
		{name: "first run, stopped", ring: fakeKeyring{keyErr: context.Canceled}, state: Locked},
		{name: "state without its key", ring: fakeKeyring{keyErr: none}, hasState: true, state: Missing},
		{name: "state, keyring locked", ring: fakeKeyring{keyErr: locked}, hasState: true, state: Locked},
		{name: "state, key damaged", ring: fakeKeyring{keyErr: damaged}, hasState: true, state: Unreadable},
		{name: "state, key short", ring: fakeKeyring{key: heldKey[1:]}, hasState: true, state: Unreadable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key, state, err := Unlock(t.Context(), &tt.ring, tt.hasState)
			if !bytes.Equal(key, tt.key) || state != tt.state {
				t.Errorf("got key %x, state %s, want %x, %s", key, state, tt.key, tt.state)
			}
			if (err == nil) != (tt.state == OK) {
				t.Errorf("got state %s with error %v", state, err)
			}
			if cause := tt.ring.keyErr; err != nil && tt.created == 0 && cause != nil && !errors.Is(err, cause) {
				t.Errorf("got error %v, which hides its cause %v", err, cause)
			}
			if tt.ring.created != tt.created {
				t.Errorf("made %d keys, want %d", tt.ring.created, tt.created)
			}
		})
	}
}
