package main

import (
	"context"
	"errors"
	"fmt"

	"regent/agent/store"
	"regent/platform/keyring"
)

// sealedKeyring is the platform's keyring as the store knows one: the platform
// may not use the store's words, so its errors are put into them here.
type sealedKeyring struct{ ring *keyring.Keyring }

var _ store.Keyring = sealedKeyring{}

func (k sealedKeyring) Key(ctx context.Context) ([]byte, error) {
	key, err := k.ring.Key(ctx)
	return key, inStoreWords(err)
}

func (k sealedKeyring) Create(ctx context.Context) ([]byte, error) {
	key, err := k.ring.Create(ctx)
	return key, inStoreWords(err)
}

func (k sealedKeyring) Forget(ctx context.Context) error { return inStoreWords(k.ring.Forget(ctx)) }

func (k sealedKeyring) Guard() string { return k.ring.Guard() }

// inStoreWords adds the store's word for what went wrong, where it has one.
func inStoreWords(err error) error {
	switch {
	case errors.Is(err, keyring.ErrNoKey):
		return fmt.Errorf("%w: %w", store.ErrNoKey, err)
	case errors.Is(err, keyring.ErrLocked):
		return fmt.Errorf("%w: %w", store.ErrLocked, err)
	}
	return err
}
