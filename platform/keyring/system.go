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
		return newFileKeyring(o), nil
	}
	lib, says := systemKind(kind)
	if lib == ring.InvalidBackend {
		return nil, fmt.Errorf("keyring: store.keyring %q is not known; use %s, %s, %s, %s, %s or %s",
			kind, Auto, File, WinCred, Keychain, SecretService, KWallet)
	}
	if !slices.Contains(ring.AvailableBackends(), lib) {
		return nil, fmt.Errorf("keyring: store.keyring %s is not available on this system or in this build; use %s or %s", kind, Auto, File)
	}
	open := func() (itemStore, error) {
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
	return &systemKeyring{open: open, name: itemName + " " + o.StateDir, markName: markItem + " " + o.StateDir, description: says}, nil
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

// kindOf is the inverse of systemKind.
func kindOf(lib ring.BackendType) string {
	for _, kind := range []string{WinCred, Keychain, SecretService, KWallet} {
		if l, _ := systemKind(kind); l == lib {
			return kind
		}
	}
	return File
}

// systemKeyring is a keyring of the operating system or of the user's session.
type systemKeyring struct {
	open        func() (itemStore, error) // asked at the first call, since it may block too
	items       itemStore                 // nil until then
	name        string                    // of the item: two state directories do not share a key
	markName    string                    // of the mark's item
	description string
}

// itemStore is what is used of the library's keyrings.
type itemStore interface {
	Get(key string) (ring.Item, error)
	Set(item ring.Item) error
	Remove(key string) error
}

var _ backend = (*systemKeyring)(nil)

// connect opens the keyring, once that succeeds.
func (s *systemKeyring) connect() error {
	if s.items != nil {
		return nil
	}
	r, err := s.open()
	if err != nil {
		return fmt.Errorf("it does not open (is its service running?): %w: %w", ErrLocked, err)
	}
	s.items = r
	return nil
}

func (s *systemKeyring) get() ([]byte, error) {
	if err := s.connect(); err != nil {
		return nil, err
	}
	item, err := s.items.Get(s.name)
	if errors.Is(err, ring.ErrKeyNotFound) {
		return nil, errNoItem
	}
	return item.Data, err
}

// create keeps what lies in the item's place under another name before it is
// overwritten.
func (s *systemKeyring) create(item []byte) error {
	old, err := s.get()
	if err != nil && !errors.Is(err, errNoItem) {
		return fmt.Errorf("something that cannot be read is in its place: %w", err)
	}
	if err == nil {
		if err := s.setAside(old); err != nil {
			return err
		}
	}
	return s.set(s.name, item)
}

func (s *systemKeyring) replace(item []byte) error {
	if err := s.connect(); err != nil {
		return err
	}
	return s.set(s.name, item)
}

func (s *systemKeyring) mark() ([]byte, error) {
	if err := s.connect(); err != nil {
		return nil, err
	}
	item, err := s.items.Get(s.markName)
	if errors.Is(err, ring.ErrKeyNotFound) {
		return nil, errNoItem
	}
	return item.Data, err
}

func (s *systemKeyring) setMark(mark []byte) error {
	if err := s.connect(); err != nil {
		return err
	}
	return s.set(s.markName, mark)
}

func (s *systemKeyring) removeMark() error {
	if err := s.connect(); err != nil {
		return err
	}
	if err := s.removeOne(s.markName); err != nil && !errors.Is(err, errNoItem) {
		return err
	}
	return nil
}

const maxSetAside = 100 // copies of damaged material; more means that something else is wrong

func (s *systemKeyring) setAside(old []byte) error {
	for n := 1; n <= maxSetAside; n++ {
		name := setAsideName(s.name, n)
		if _, err := s.items.Get(name); errors.Is(err, ring.ErrKeyNotFound) {
			return s.set(name, old)
		}
	}
	return fmt.Errorf("%d damaged copies of %q are kept; remove them", maxSetAside, s.name)
}

// set enforces the size that Windows documents and some versions do not.
func (s *systemKeyring) set(name string, data []byte) error {
	if len(data) > maxItem {
		return fmt.Errorf("%q would have %d bytes, a keyring holds at most %d", name, len(data), maxItem)
	}
	return s.items.Set(ring.Item{Key: name, Data: data, Label: "Regent " + name, Description: "of the agent's sealed records"})
}

func (s *systemKeyring) remove() error {
	if err := s.connect(); err != nil {
		return err
	}
	if err := s.removeOne(s.name); err != nil && !errors.Is(err, errNoItem) {
		return err
	}
	for n := 1; n <= maxSetAside; n++ {
		switch err := s.removeOne(setAsideName(s.name, n)); {
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
func (s *systemKeyring) removeOne(name string) error {
	if _, err := s.items.Get(name); errors.Is(err, ring.ErrKeyNotFound) {
		return errNoItem
	}
	return s.items.Remove(name)
}

func (s *systemKeyring) detail() string { return s.description }

func setAsideName(name string, n int) string { return fmt.Sprintf("%s.corrupt-%d", name, n) }
