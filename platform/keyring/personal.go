package keyring

import (
	"context"
	"errors"
	"slices"
	"time"

	ring "github.com/99designs/keyring"
)

// ErrNoKeyring means that the user has no keyring: there is no desktop session, or the build
// supports none. A file does not replace it.
var ErrNoKeyring = errors.New("this session has no keyring")

// Personal is the keyring of the logged-in user, for replaceable secrets such as a login. It
// is safe for concurrent use.
type Personal struct {
	caller *Keyring // for its lock and timeout, not its items
	items  *systemItems
}

// OpenPersonal selects the keyring of the user. It does not access it yet. timeout applies
// to each call; 0 means 10 s. It returns [ErrNoKeyring] if there is none.
func OpenPersonal(service string, timeout time.Duration) (*Personal, error) {
	for _, s := range systemKinds {
		if slices.Contains(ring.AvailableBackends(), s.lib) {
			return newPersonal(s.kind, timeout, s.opener(service, false)), nil
		}
	}
	return nil, ErrNoKeyring
}

func newPersonal(kind string, timeout time.Duration, open func() (itemStore, error)) *Personal {
	p := &Personal{caller: newKeyring(kind, timeout), items: &systemItems{open: open, description: "login"}}
	if kind == WinCred {
		p.items.limit = maxItem
	}
	return p
}

// Kind returns the kind of the keyring.
func (p *Personal) Kind() string { return p.caller.kind }

// Get returns the secret with this name, or an error that wraps [ErrNotFound].
func (p *Personal) Get(ctx context.Context, name string) (string, error) {
	b, err := call(ctx, p.caller, "read the login", p.items.item(name).get)
	return string(b), err
}

// Set stores a secret and replaces one with the same name. Windows stores at most 2,560
// bytes.
func (p *Personal) Set(ctx context.Context, name, secret string) error {
	return p.caller.do(ctx, "store the login", func() error { return p.items.item(name).set([]byte(secret)) })
}

// Remove deletes a secret. No secret is no error.
func (p *Personal) Remove(ctx context.Context, name string) error {
	return p.caller.do(ctx, "delete the login", p.items.item(name).remove)
}
