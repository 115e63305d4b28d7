package keyring

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	ring "github.com/99designs/keyring"
)

// systemKeyring is a kind of keyring of the system or of a user's session.
type systemKeyring struct {
	kind        string
	lib         ring.BackendType
	description string
	ofService   bool // services have it, not only users
}

// systemKinds are all kinds, in order of preference.
var systemKinds = []systemKeyring{
	{WinCred, ring.WinCredBackend, "the Windows Credential Manager of the service's account", true},
	{Keychain, ring.KeychainBackend, "the macOS Keychain", true},
	{SecretService, ring.SecretServiceBackend, "the desktop session's Secret Service", false},
	{KWallet, ring.KWalletBackend, "the desktop session's KWallet", false},
}

// systemKind returns the keyring of a kind, or an error if it is unknown or unavailable.
func systemKind(kind string) (systemKeyring, error) {
	i := slices.IndexFunc(systemKinds, func(s systemKeyring) bool { return s.kind == kind })
	if i < 0 {
		return systemKeyring{}, fmt.Errorf("keyring: store.keyring %q is unknown; use %s, %s, %s, %s, %s or %s",
			kind, Auto, File, WinCred, Keychain, SecretService, KWallet)
	}
	if !slices.Contains(ring.AvailableBackends(), systemKinds[i].lib) {
		return systemKeyring{}, fmt.Errorf("keyring: store.keyring %s is not available on this system or in this build; use %s or %s", kind, Auto, File)
	}
	return systemKinds[i], nil
}

// opener returns a function that opens the keyring for a program. alone means that no other
// program needs its items.
func (s systemKeyring) opener(program string, alone bool) func() (itemStore, error) {
	return func() (itemStore, error) {
		return ring.Open(ring.Config{
			AllowedBackends:          []ring.BackendType{s.lib},
			ServiceName:              program,
			WinCredPrefix:            program,
			LibSecretCollectionName:  "login", // unlocked with the session
			KWalletAppID:             program,
			KWalletFolder:            program,
			KeychainTrustApplication: alone,
		})
	}
}

// systemItems are a program's items in a keyring of the system.
type systemItems struct {
	open        func() (itemStore, error) // called at the first use, since it may block
	opened      itemStore                 // nil before the first use
	label       string                    // prefix of each item's name in user interfaces
	description string
	limit       int // bytes of an item; 0 is no limit. Windows documents it, but some versions do not enforce it.
}

// itemStore is the part of the library's keyrings that this package uses.
type itemStore interface {
	Get(key string) (ring.Item, error)
	Set(item ring.Item) error
	Remove(key string) error
}

// systemItem is one item. Its name contains the state directory, so each has its own.
type systemItem struct {
	*systemItems
	name string
}

func (s *systemItems) item(name string) systemItem { return systemItem{s, name} }

// connect opens the keyring, and keeps it open after a success.
func (s *systemItems) connect() (itemStore, error) {
	if s.opened != nil {
		return s.opened, nil
	}
	r, err := s.open()
	if err != nil {
		return nil, fmt.Errorf("cannot open it (is its service running?): %w; %w", err, ErrLocked)
	}
	s.opened = r
	return r, nil
}

func (s systemItem) get() ([]byte, error) {
	items, err := s.connect()
	if err != nil {
		return nil, err
	}
	item, err := items.Get(s.name)
	if errors.Is(err, ring.ErrKeyNotFound) {
		return nil, ErrNotFound
	}
	return item.Data, err
}

func (s systemItem) set(data []byte) error {
	if s.limit > 0 && len(data) > s.limit {
		return fmt.Errorf("%q has %d bytes; the keyring stores at most %d bytes", s.name, len(data), s.limit)
	}
	items, err := s.connect()
	if err != nil {
		return err
	}
	return items.Set(ring.Item{Key: s.name, Data: data, Label: s.label + s.name, Description: s.description})
}

// setAside copies the item to another name. The next set overwrites the item itself.
func (s systemItem) setAside() error {
	old, err := s.get()
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read the item to copy it: %w", err)
	}
	for name := range asideNames(s.name) {
		if _, err := s.item(name).get(); errors.Is(err, ErrNotFound) {
			return s.item(name).set(old)
		}
	}
	return errTooManyAside(s.name)
}

// remove checks first that each item exists, since the libraries differ in the error for a
// missing item.
func (s systemItem) remove() error {
	items, err := s.connect()
	if err != nil {
		return err
	}
	if _, err := items.Get(s.name); !errors.Is(err, ring.ErrKeyNotFound) {
		if err := items.Remove(s.name); err != nil {
			return err
		}
	}
	for name := range asideNames(s.name) {
		if _, err := items.Get(name); errors.Is(err, ring.ErrKeyNotFound) {
			return nil
		}
		if err := items.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

const maxSetAside = 100 // damaged copies; more of them have another cause

// asideNames returns the names for items that are set aside, in their order.
func asideNames(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for n := range maxSetAside {
			if !yield(fmt.Sprintf("%s.corrupt-%d", name, n+1)) {
				return
			}
		}
	}
}

func errTooManyAside(name string) error {
	return fmt.Errorf("there are %d damaged copies of %s; delete them", maxSetAside, name)
}
