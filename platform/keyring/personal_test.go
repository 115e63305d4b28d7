package keyring

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	ring "github.com/99designs/keyring"
)

// memoryKeyring is a keyring of the library in memory.
type memoryKeyring map[string]ring.Item

func (h memoryKeyring) Get(key string) (ring.Item, error) {
	item, ok := h[key]
	if !ok {
		return ring.Item{}, ring.ErrKeyNotFound
	}
	return item, nil
}

func (h memoryKeyring) Set(item ring.Item) error { h[item.Key] = item; return nil }

func (h memoryKeyring) Remove(key string) error {
	if _, ok := h[key]; !ok {
		return ring.ErrKeyNotFound
	}
	delete(h, key)
	return nil
}

func TestPersonal(t *testing.T) {
	opens := 0
	p := newPersonal(SecretService, time.Minute, func() (itemStore, error) { opens++; return memoryKeyring{}, nil })
	if _, err := p.Get(t.Context(), "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("read of nothing: %v", err)
	}
	if err := p.Set(t.Context(), "a", "secret"); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Get(t.Context(), "a"); got != "secret" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for range 2 { // the second time there is nothing
		if err := p.Remove(t.Context(), "a"); err != nil {
			t.Error(err)
		}
	}
	if _, err := p.Get(t.Context(), "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("read of what was removed: %v", err)
	}
	if opens != 1 {
		t.Errorf("opened %d times, want once", opens)
	}
}

func TestPersonalWindowsSizeLimit(t *testing.T) {
	for kind, most := range map[string]bool{WinCred: true, SecretService: false} {
		p := newPersonal(kind, time.Minute, func() (itemStore, error) { return memoryKeyring{}, nil })
		if err := p.Set(t.Context(), "a", strings.Repeat("a", maxItem)); err != nil {
			t.Errorf("%s: as much as fits: %v", kind, err)
		}
		if err := p.Set(t.Context(), "a", strings.Repeat("a", maxItem+1)); (err != nil) != most {
			t.Errorf("%s: one byte more: got %v", kind, err)
		}
	}
}

// TestPersonalTimeout: a prompt that nobody sees must not hold a command up.
func TestPersonalTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		p := newPersonal(KWallet, time.Second, func() (itemStore, error) { <-stuck; return memoryKeyring{}, nil })
		if _, err := p.Get(t.Context(), "a"); !errors.Is(err, ErrLocked) {
			t.Errorf("got %v, want that it is locked", err)
		}
		close(stuck)
	})
}
