package main

import (
	"context"
	"errors"
	"fmt"

	"regent/agent/store"
	"regent/agent/store/admin"
	"regent/platform/keyring"
)

// sealedKeyring is the platform's keyring as the agent knows one: the platform
// may not use the agent's words, so its errors are put into them here.
type sealedKeyring struct {
	ring *keyring.Keyring
	o    keyring.Options // that it was opened with
}

var _ admin.Keyring = sealedKeyring{}

func openKeyring(o keyring.Options) (sealedKeyring, error) {
	ring, err := keyring.Open(o)
	return sealedKeyring{ring, o}, err
}

func (k sealedKeyring) Key(ctx context.Context) ([]byte, error) { return inStoreWords(k.ring.Key(ctx)) }

func (k sealedKeyring) Create(ctx context.Context) ([]byte, error) {
	return inStoreWords(k.ring.Create(ctx))
}

func (k sealedKeyring) Replace(ctx context.Context, key []byte) error {
	return toStoreError(k.ring.Replace(ctx, key))
}

func (k sealedKeyring) Delete(ctx context.Context) error { return toStoreError(k.ring.Delete(ctx)) }

func (k sealedKeyring) Kind() string { return k.ring.Kind() }

func (k sealedKeyring) LoadMark(ctx context.Context) ([]byte, error) {
	return inStoreWords(k.ring.LoadMark(ctx))
}

func (k sealedKeyring) SaveMark(ctx context.Context, mark []byte) error {
	return toStoreError(k.ring.SaveMark(ctx, mark))
}

func (k sealedKeyring) DeleteMark(ctx context.Context) error {
	return toStoreError(k.ring.DeleteMark(ctx))
}

func inStoreWords(b []byte, err error) ([]byte, error) { return b, toStoreError(err) }

// For implements [admin.Keyring].
func (k sealedKeyring) For(dir string) (admin.Keyring, error) {
	o := k.o
	o.StateDir, o.Kind = dir, k.ring.Kind() // "auto" was decided
	return openKeyring(o)
}

// toStoreError adds the store's word for what went wrong, where it has one.
func toStoreError(err error) error {
	switch {
	case errors.Is(err, keyring.ErrNoKey):
		return fmt.Errorf("%w: %w", store.ErrNoKey, err)
	case errors.Is(err, keyring.ErrNoMark):
		return fmt.Errorf("%w: %w", store.ErrNoMark, err)
	case errors.Is(err, keyring.ErrLocked):
		return fmt.Errorf("%w: %w", store.ErrLocked, err)
	}
	return err
}
