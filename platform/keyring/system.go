package keyring

import (
	"errors"
	"fmt"
	"slices"

	ring "github.com/99designs/keyring"
)

// newBackend opens a keyring of the kind.
func newBackend(kind string, o Options) (backend, error) {
	if kind == File {
		return newFile(o), nil
	}
	lib, says := systemKind(kind)
	if lib == ring.InvalidBackend {
		return nil, fmt.Errorf("keyring: store.keyring %q is not known; use %s, %s, %s, %s, %s or %s",
			kind, Auto, File, WinCred, Keychain, SecretService, KWallet)
	}
	if !slices.Contains(ring.AvailableBackends(), lib) {
		return nil, fmt.Errorf("keyring: store.keyring %s is not available on this system or in this build; use %s or %s", kind, Auto, File)
	}
	open := func() (opened, error) {
		return ring.Open(ring.Config{
			AllowedBackends:         []ring.BackendType{lib},
			ServiceName:             "regent",
			WinCredPrefix:           "regent",
			LibSecretCollectionName: "login", // it is unlocked with the session
			KWalletAppID:            "regent",
			KWalletFolder:           "regent",
			// The service itself is the only program that needs the key.
			KeychainTrustApplication: true,
		})
	}
	return &system{open: open, name: itemName + " " + o.StateDir, markName: markItem + " " + o.StateDir, says: says}, nil
}

// systemKind returns the library's name for a kind, and what it means.
func systemKind(kind string) (lib ring.BackendType, says string) {
	switch kind {
	case WinCred:
		return ring.WinCredBackend, "the Windows Credential Manager of the service's account"
	case Keychain:
		return ring.KeychainBackend, "the macOS Keychain"
	case SecretService:
		return ring.SecretServiceBackend, "the desktop session's Secret Service"
	case KWallet:
		return ring.KWalletBackend, "the desktop session's KWallet"
	}
	return ring.InvalidBackend, ""
}

// guardOf is the inverse of systemKind.
func guardOf(lib ring.BackendType) string {
	for _, kind := range []string{WinCred, Keychain, SecretService, KWallet} {
		if l, _ := systemKind(kind); l == lib {
			return kind
		}
	}
	return File
}

// system is a keyring of the operating system or of the user's session.
type system struct {
	open     func() (opened, error) // asked at the first call, since it may block too
	ring     opened                 // nil until then
	name     string                 // of the item: two state directories do not share a key
	markName string                 // of the mark's item
	says     string
}

// opened is what is used of the library's keyrings.
type opened interface {
	Get(key string) (ring.Item, error)
	Set(item ring.Item) error
	Remove(key string) error
}

var _ backend = (*system)(nil)

// ready opens the keyring, once that succeeds.
func (s *system) ready() error {
	if s.ring != nil {
		return nil
	}
	r, err := s.open()
	if err != nil {
		return fmt.Errorf("it does not open (is its service running?): %w: %w", ErrLocked, err)
	}
	s.ring = r
	return nil
}

func (s *system) get() ([]byte, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	item, err := s.ring.Get(s.name)
	if errors.Is(err, ring.ErrKeyNotFound) {
		return nil, errNoItem
	}
	return item.Data, err
}

// create keeps what lies in the item's place under another name before it is
// overwritten.
func (s *system) create(item []byte) error {
	old, err := s.get()
	if err != nil && !errors.Is(err, errNoItem) {
		return fmt.Errorf("something that cannot be read is in its place: %w", err)
	}
	if err == nil {
		if err := s.putAside(old); err != nil {
			return err
		}
	}
	return s.set(s.name, item)
}

func (s *system) replace(item []byte) error {
	if err := s.ready(); err != nil {
		return err
	}
	return s.set(s.name, item)
}

func (s *system) mark() ([]byte, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	item, err := s.ring.Get(s.markName)
	if errors.Is(err, ring.ErrKeyNotFound) {
		return nil, errNoItem
	}
	return item.Data, err
}

func (s *system) setMark(mark []byte) error {
	if err := s.ready(); err != nil {
		return err
	}
	return s.set(s.markName, mark)
}

func (s *system) removeMark() error {
	if err := s.ready(); err != nil {
		return err
	}
	if err := s.removeOne(s.markName); err != nil && !errors.Is(err, errNoItem) {
		return err
	}
	return nil
}

const maxAside = 100 // copies of damaged material; more means that something else is wrong

func (s *system) putAside(old []byte) error {
	for n := 1; n <= maxAside; n++ {
		name := asideName(s.name, n)
		if _, err := s.ring.Get(name); errors.Is(err, ring.ErrKeyNotFound) {
			return s.set(name, old)
		}
	}
	return fmt.Errorf("%d damaged copies of %q are kept; remove them", maxAside, s.name)
}

// set enforces the size that Windows documents and some versions do not.
func (s *system) set(name string, data []byte) error {
	if len(data) > maxItem {
		return fmt.Errorf("%q would have %d bytes, a keyring holds at most %d", name, len(data), maxItem)
	}
	return s.ring.Set(ring.Item{Key: name, Data: data, Label: "Regent " + name, Description: "of the agent's sealed records"})
}

func (s *system) remove() error {
	if err := s.ready(); err != nil {
		return err
	}
	if err := s.removeOne(s.name); err != nil && !errors.Is(err, errNoItem) {
		return err
	}
	for n := 1; n <= maxAside; n++ {
		switch err := s.removeOne(asideName(s.name, n)); {
		case errors.Is(err, errNoItem):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// removeOne looks first, since the libraries differ in what they say of removing
// an item that is not there.
func (s *system) removeOne(name string) error {
	if _, err := s.ring.Get(name); errors.Is(err, ring.ErrKeyNotFound) {
		return errNoItem
	}
	return s.ring.Remove(name)
}

func (s *system) detail() string { return s.says }

func asideName(name string, n int) string { return fmt.Sprintf("%s.corrupt-%d", name, n) }
