package keyring

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	ring "github.com/99designs/keyring"
)

// fakeItem holds one item in memory, and can refuse to answer.
type fakeItem struct {
	data       []byte
	getErr     error
	dropWrites bool          // keeps nothing, and says it did
	hang       chan struct{} // if not nil, every call waits until it is closed
	calls      int
	panics     bool
}

func (b *fakeItem) get() ([]byte, error) {
	b.calls++
	if b.hang != nil {
		<-b.hang
	}
	if b.panics {
		panic("key material")
	}
	if b.data == nil && b.getErr == nil {
		return nil, ErrNotFound
	}
	return b.data, b.getErr
}

func (b *fakeItem) set(data []byte) error {
	if !b.dropWrites {
		b.data, b.getErr = data, nil
	}
	return nil
}

func (b *fakeItem) setAside() error { return nil }
func (b *fakeItem) remove() error   { b.data = nil; return nil }

// fakeKeyring returns one whose key is in that item.
func fakeKeyring(key *fakeItem, timeout time.Duration) *Keyring {
	k := newKeyring("fake", timeout)
	k.key, k.mark = key, &fakeItem{}
	return k
}

func TestKeyLifecycle(t *testing.T) {
	k := fakeKeyring(&fakeItem{}, 0)
	if _, err := k.Key(t.Context()); !errors.Is(err, ErrNoKey) {
		t.Fatalf("Key of none: got %v, want %v", err, ErrNoKey)
	}
	made, err := k.Create(t.Context())
	if err != nil || len(made) != keySize {
		t.Fatalf("Create: got %d bytes, %v, want %d", len(made), err, keySize)
	}
	if got, err := k.Key(t.Context()); err != nil || !bytes.Equal(got, made) {
		t.Errorf("Key: got another one, %v", err)
	}
	if _, err := k.Create(t.Context()); !errors.Is(err, ErrExists) {
		t.Errorf("second Create: got %v, want %v", err, ErrExists)
	}
	if err := k.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := k.Key(t.Context()); !errors.Is(err, ErrNoKey) {
		t.Errorf("Key after Forget: got %v, want %v", err, ErrNoKey)
	}
	again, err := k.Create(t.Context())
	if err != nil || bytes.Equal(again, made) {
		t.Errorf("Create after Forget: got %v, or the same key", err)
	}
}

func TestInvalidKeyError(t *testing.T) {
	sound := encode(make([]byte, keySize))
	tests := map[string]*fakeItem{
		"empty item":     {data: []byte{}},
		"other item":     {data: []byte("password")},
		"later form":     {data: []byte("regent data key 2: xyz")},
		"cut short":      {data: sound[:len(sound)-4]},
		"not base64":     {data: append(sound[:len(sound)-2:len(sound)-2], "!!"...)},
		"read error":     {getErr: errors.New("input/output error")},
		"library panics": {panics: true},
	}
	for name, b := range tests {
		_, err := fakeKeyring(b, 0).Key(t.Context())
		if err == nil || errors.Is(err, ErrNoKey) || errors.Is(err, ErrLocked) {
			t.Errorf("%s: got %v, want another error", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "key material") {
			t.Errorf("%s: %v shows what the panic said", name, err)
		}
	}
}

func TestCreateReadsBack(t *testing.T) {
	if _, err := fakeKeyring(&fakeItem{dropWrites: true}, 0).Create(t.Context()); err == nil {
		t.Error("Create believed a keyring that kept nothing")
	}
}

// TestTimeout is a keyring that shows a prompt which nobody sees.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeItem{hang: make(chan struct{})}
		k := fakeKeyring(b, 3*time.Second)
		start := time.Now()
		for range 3 {
			if _, err := k.Key(t.Context()); !errors.Is(err, ErrLocked) {
				t.Errorf("got %v, want %v", err, ErrLocked)
			}
		}
		if got, want := time.Since(start), 9*time.Second; got != want {
			t.Errorf("three calls took %s, want %s", got, want)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := k.Key(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, ErrLocked) {
			t.Errorf("cancelled: got %v, want %v", err, context.Canceled)
		}
		synctest.Wait()
		if b.calls != 1 {
			t.Errorf("%d calls wait in the backend, want 1", b.calls)
		}
		close(b.hang) // somebody saw the prompt
		synctest.Wait()
		if _, err := k.Key(t.Context()); !errors.Is(err, ErrNoKey) {
			t.Errorf("answered at last: got %v, want %v", err, ErrNoKey)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name    string
		options Options
		want    string
	}{
		{"unknown kind", Options{Kind: "vault", StateDir: "/x"}, `"vault" is unknown; use auto`},
		{"no directory", Options{Kind: File}, "no state directory"},
		{"negative timeout", Options{Kind: File, StateDir: "/x", Timeout: -1}, "below 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Open(tt.options); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestChooseKind(t *testing.T) {
	tests := []struct {
		available []ring.BackendType
		want      string
	}{
		{nil, File},
		{[]ring.BackendType{ring.FileBackend, ring.SecretServiceBackend, ring.KWalletBackend}, File},
		{[]ring.BackendType{ring.KeychainBackend, ring.FileBackend}, Keychain},
		{[]ring.BackendType{ring.WinCredBackend, ring.FileBackend}, WinCred},
	}
	for _, tt := range tests {
		if got := chooseKind(tt.available); got != tt.want {
			t.Errorf("pick(%v): got %s, want %s", tt.available, got, tt.want)
		}
	}
}
