package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	ring "github.com/99designs/keyring"
)

var (
	// ErrNoKeyring means that the person has no keyring here: no desktop session,
	// or a build without one. A file does not stand in for it.
	ErrNoKeyring = errors.New("keyring: this session has no keyring")
	// ErrNotFound means that the keyring holds nothing of that name.
	ErrNotFound = errors.New("keyring: nothing of that name")
)

// Personal is the keyring of the person who is logged in, for secrets that can be
// got again, such as a login. It is safe for concurrent use.
type Personal struct {
	caller *Keyring // its turn and timeout, not its backend
	open   func() (itemStore, error)
	items  itemStore // nil until the first call
}

// OpenPersonal chooses the keyring of the person. It asks it for nothing yet; a
// timeout of 0 is 10 s for each call. It fails with [ErrNoKeyring] if there is none.
func OpenPersonal(service string, timeout time.Duration) (*Personal, error) {
	available := ring.AvailableBackends()
	for _, lib := range []ring.BackendType{ring.WinCredBackend, ring.KeychainBackend, ring.SecretServiceBackend, ring.KWalletBackend} {
		if slices.Contains(available, lib) {
			return newPersonal(kindOf(lib), timeout, func() (itemStore, error) {
				return ring.Open(ring.Config{
					AllowedBackends:         []ring.BackendType{lib},
					ServiceName:             service,
					WinCredPrefix:           service,
					LibSecretCollectionName: "login", // it is unlocked with the session
					KWalletAppID:            service,
					KWalletFolder:           service,
				})
			}), nil
		}
	}
	return nil, ErrNoKeyring
}

func newPersonal(kind string, timeout time.Duration, open func() (itemStore, error)) *Personal {
	return &Personal{caller: newKeyring(kind, nil, timeout), open: open}
}

// Kind says in a word which keyring it is: one of the kinds.
func (p *Personal) Kind() string { return p.caller.kind }

// Get returns what was kept under the name, or an error that wraps [ErrNotFound].
func (p *Personal) Get(ctx context.Context, name string) (string, error) {
	b, err := p.call(ctx, "read", func(r itemStore) ([]byte, error) {
		item, err := r.Get(name)
		if errors.Is(err, ring.ErrKeyNotFound) {
			return nil, ErrNotFound
		}
		return item.Data, err
	})
	return string(b), err
}

// Set keeps a secret under a name, over what was there. Windows holds at most
// 2,560 bytes, and says so in words that nobody understands.
func (p *Personal) Set(ctx context.Context, name, secret string) error {
	if p.Kind() == WinCred && len(secret) > maxItem {
		return fmt.Errorf("keyring %s: keep a login: it has %d bytes, a credential holds at most %d", WinCred, len(secret), maxItem)
	}
	_, err := p.call(ctx, "keep", func(r itemStore) ([]byte, error) {
		return nil, r.Set(ring.Item{Key: name, Data: []byte(secret), Label: name, Description: "login"})
	})
	return err
}

// Remove destroys what was kept. Nothing there is no error.
func (p *Personal) Remove(ctx context.Context, name string) error {
	_, err := p.call(ctx, "remove", func(r itemStore) ([]byte, error) {
		if err := r.Remove(name); !errors.Is(err, ring.ErrKeyNotFound) {
			return nil, err
		}
		return nil, nil
	})
	return err
}

func (p *Personal) call(ctx context.Context, op string, f func(itemStore) ([]byte, error)) ([]byte, error) {
	return call(ctx, p.caller, op+" a login", func() ([]byte, error) {
		if p.items == nil {
			r, err := p.open()
			if err != nil {
				return nil, fmt.Errorf("open: %w", err)
			}
			p.items = r
		}
		return f(p.items)
	})
}
