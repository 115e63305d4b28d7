package keyring

import (
	"context"
	"errors"
	"slices"
	"time"

	ring "github.com/99designs/keyring"
)

// ErrNoKeyring means that the person has no keyring here: no desktop session,
// or a build without one. A file does not stand in for it.
var ErrNoKeyring = errors.New("keyring: this session has no keyring")

// Personal is the keyring of the person who is logged in, for secrets that can be
// got again, such as a login. It is safe for concurrent use.
type Personal struct {
	caller *Keyring // its turn and timeout, not its items
	items  *systemItems
}

// OpenPersonal chooses the keyring of the person. It asks it for nothing yet; a
// timeout of 0 is 10 s for each call. It fails with [ErrNoKeyring] if there is none.
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

// Kind says in a word which keyring it is: one of the kinds.
func (p *Personal) Kind() string { return p.caller.kind }

// Get returns what was kept under the name, or an error that wraps [ErrNotFound].
func (p *Personal) Get(ctx context.Context, name string) (string, error) {
	b, err := call(ctx, p.caller, "read a login", p.items.item(name).get)
	return string(b), err
}

// Set keeps a secret under a name, over what was there. Windows holds at most
// 2,560 bytes.
func (p *Personal) Set(ctx context.Context, name, secret string) error {
	return p.caller.do(ctx, "keep a login", func() error { return p.items.item(name).set([]byte(secret)) })
}

// Remove destroys what was kept. Nothing there is no error.
func (p *Personal) Remove(ctx context.Context, name string) error {
	return p.caller.do(ctx, "remove a login", p.items.item(name).remove)
}
