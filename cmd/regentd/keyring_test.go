package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"regent/agent/store"
	"regent/platform/keyring"
)

func TestToStoreError(t *testing.T) {
	other := errors.New("input/output error")
	tests := []struct{ err, want error }{
		{nil, nil},
		{fmt.Errorf("read: %w", keyring.ErrNoKey), store.ErrNoKey},
		{fmt.Errorf("read: %w", keyring.ErrLocked), store.ErrLocked},
		{other, other},
		{context.Canceled, context.Canceled},
	}
	for _, tt := range tests {
		got := toStoreError(tt.err)
		if !errors.Is(got, tt.want) || !errors.Is(got, tt.err) {
			t.Errorf("%v: got %v, want one that is %v too", tt.err, got, tt.want)
		}
		for _, word := range []error{store.ErrNoKey, store.ErrLocked} {
			if errors.Is(got, word) != errors.Is(tt.want, word) {
				t.Errorf("%v: is %v: got %t", tt.err, word, !errors.Is(got, word))
			}
		}
	}
}

// TestKeyOfARealDirectory walks a state directory through the first run, a
// restart, and every loss of key material, with the real keyring and store.
func TestKeyOfARealDirectory(t *testing.T) {
	dir := t.TempDir()
	unlock := func() ([]byte, store.State, error) {
		t.Helper()
		ring, err := openKeyring(keyring.Options{Kind: keyring.File, StateDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		kept, err := store.HasRecords(dir)
		if err != nil {
			t.Fatal(err)
		}
		return store.Unlock(t.Context(), ring, kept)
	}
	// A crash in the middle of the first run left an empty passphrase.
	passphrase, item := filepath.Join(dir, "keyring.passphrase"), filepath.Join(dir, "keyring", "data-key")
	if err := os.WriteFile(passphrase, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	key, state, err := unlock()
	if state != store.OK || err != nil {
		t.Fatalf("first run: got %s, %v", state, err)
	}
	if again, _, err := unlock(); err != nil || !bytes.Equal(again, key) {
		t.Errorf("nothing kept yet: got another key, %v", err)
	}
	sealed, err := store.Open(t.Context(), store.Options{Dir: dir, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	if _, err := sealed.Put(t.Context(), "cad/1", []byte("secret"), 0); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path string
		want store.State
	}{{passphrase, store.Unreadable}, {item, store.Missing}} {
		if err := os.Rename(tt.path, tt.path+".away"); err != nil {
			t.Fatal(err)
		}
		if _, state, err := unlock(); state != tt.want || err == nil {
			t.Errorf("without %s: got %s, %v, want %s", tt.path, state, err, tt.want)
		}
		if _, err := os.Lstat(tt.path); err == nil {
			t.Errorf("%s was made anew", tt.path)
		}
		if err := os.Rename(tt.path+".away", tt.path); err != nil {
			t.Fatal(err)
		}
	}
	if again, state, err := unlock(); state != store.OK || err != nil || !bytes.Equal(again, key) {
		t.Errorf("material put back: got %s, %v, or another key", state, err)
	}
}
