// Package admin opens the store and runs the commands of "regent store".
//
// A person may accept a state, set damaged records aside, start over, change the
// data key, or bind the state to this device. The package names the cost of each
// command in counts before it runs. Decide, in facts.go, reports whether a state
// still lies on its device. That part is pure.
package admin

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/store"
	"regent/agent/timing"
)

// Keyring is the keyring of a [Manager]. Every call ends within the time that ctx allows.
type Keyring interface {
	store.Keyring
	store.MarkStore
	// DeleteMark removes the mark. No mark is no error.
	DeleteMark(ctx context.Context) error
	// Replace replaces the data key with key in one step.
	Replace(ctx context.Context, key []byte) error
	// For returns the same keyring for another state directory.
	For(dir string) (Keyring, error)
}

// Deps has the dependencies of a [Manager]. All are required.
type Deps struct {
	Dir     string // the state directory, locked by this process
	Lock    string // name of the lock file in it
	Keyring Keyring
	Facts   Facts // of this device; may be empty
	BootID  string
	OnClone string // policy.RegisterAgain, policy.AdoptClone; every other is policy.Quarantine
	Clock   timing.Clock
	Log     *slog.Logger
}

// Manager manages the store of one state directory. Call Open first. It is not safe for
// concurrent use.
type Manager struct {
	Deps
	sealed     *store.Sealed // nil while there is no key
	mark       *store.Mark
	binding    Outcome
	state      store.State
	cause      error
	probeError error // the error of every write in a drill
}

// New returns a manager that is not open.
func New(d Deps) *Manager { return &Manager{Deps: d, state: store.Missing} }

// Store returns the open store; nil if it cannot be used.
func (s *Manager) Store() *store.Sealed {
	if s.state != store.OK {
		return nil
	}
	return s.sealed
}

// Mark returns the store's mark; nil if the store cannot be used.
func (s *Manager) Mark() *store.Mark { return s.mark }

// State returns the result of Open.
func (s *Manager) State() store.State { return s.state }

// Binding returns the result of binding the state to this device.
func (s *Manager) Binding() Outcome { return s.binding }

// Close releases the store.
func (s *Manager) Close() error {
	if s.sealed == nil {
		return nil
	}
	return s.sealed.Close()
}

// Open opens the store if it is undamaged, belongs to this device, and is no older copy. Only
// on a first run it creates a key. The error is a [fault.Fault]. On an error it has changed
// nothing, except to finish an operation that a person has started.
func (s *Manager) Open(ctx context.Context) error {
	s.state, s.cause = s.open(ctx)
	return s.cause
}

func (s *Manager) open(ctx context.Context) (store.State, error) {
	if err := s.checkImage(); err != nil {
		return store.ForeignHost, err
	}
	if err := s.finishRekey(ctx); err != nil {
		return store.Unreadable, fault.Errorf("open the store", fault.StoreUnreadable, "cannot finish an interrupted regent store rekey: %v", err).WithCause(err)
	}
	kept, err := HasState(s.Dir)
	if err != nil {
		return store.Unreadable, fault.Errorf("read the state directory", fault.StoreUnreadable, "%v", err).WithCause(err)
	}
	key, state, err := store.Unlock(ctx, s.Keyring, kept)
	if err != nil {
		return state, explain(state, err)
	}
	s.sealed, err = store.Open(ctx, store.Options{Dir: s.Dir, Key: key, ReadOnce: true, Refuse: s.probeError})
	if err != nil {
		return store.Unreadable, fault.Errorf("open the store", fault.StoreUnreadable, "%v", err).WithCause(err)
	}
	// 1. Every record must be readable: an unreadable one is different from none.
	damaged, _, err := s.sealed.Verify(ctx)
	if err := damage(damaged, err); err != nil {
		return store.Unreadable, err
	}
	// 2. It must not be an older copy.
	if !kept {
		s.mark = store.FirstMark(ctx, s.sealed, s.Keyring, s.Log)
	} else if s.mark, state, err = store.OpenMark(ctx, s.sealed, s.Keyring, s.Log); err != nil {
		return state, err
	}
	// 3. It must belong to this device.
	return s.bind(ctx)
}

// HasState reports whether dir has a record or a ledger. A missing key is then a loss, not a
// first run.
func HasState(dir string) (bool, error) {
	records, err := store.HasRecords(dir)
	if err != nil || records {
		return records, err
	}
	return redeem.HasLedger(dir)
}

// explain returns the fault for a state of the key, with the next step.
func explain(state store.State, err error) error {
	const op = "unlock the store"
	switch state {
	case store.Locked:
		return fault.Errorf(op, fault.StoreLocked, "cannot read the data key: %v. Unlock the keyring, then run: sudo regent reload", err).WithCause(err)
	case store.Missing:
		return fault.Errorf(op, fault.StoreMissing, "the sealed records are there, but their key is missing. Regent changed no state. Restore the key from a backup (regent doctor names its files), then run: sudo regent reload. Without a backup: sudo regent store recover, which first shows its cost").WithCause(err)
	}
	return fault.Errorf(op, fault.StoreUnreadable, "cannot read the key of the store: %v. Regent changed no state. Restore the key, then run: sudo regent reload. Without a backup: sudo regent store recover, which first shows its cost", err).WithCause(err)
}

// damage returns the fault of unreadable records, or nil if there are none.
func damage(found []store.Damage, err error) error {
	if err != nil {
		return fault.Errorf("read the store", fault.StoreUnreadable, "%v", err).WithCause(err)
	}
	if len(found) == 0 {
		return nil
	}
	if i := slices.IndexFunc(found, func(d store.Damage) bool { return errors.Is(d.Err, store.ErrNewer) }); i >= 0 {
		return fault.Errorf("read the store", fault.StoreUnreadable, "a newer release of Regent wrote %s. Regent changed no state. Install that release again", found[i].Path).WithCause(found[i].Err)
	}
	first := found[0]
	return fault.Errorf("read the store", fault.StoreUnreadable,
		"%d of the sealed records cannot be read, the first is %s. Regent changed no state and redeems nothing. Restore the state directory, then run: sudo regent reload. Without a backup: sudo regent store recover, which first shows its cost", len(found), first.Path).WithCause(first.Err)
}

// LedgerKey returns the key of the ledger's chain.
func (s *Manager) LedgerKey() ([]byte, error) { return s.sealed.Subkey(ledgerLabel) }

const ledgerLabel = "ledger"

// ledgerOptions returns the options of the ledger in dir.
func (s *Manager) ledgerOptions(dir string, in *store.Sealed) (redeem.LedgerOptions, error) {
	key, err := in.Subkey(ledgerLabel)
	return redeem.LedgerOptions{Dir: dir, Key: key, Store: in, Clock: s.Clock}, err
}

// checkLedger reads the whole ledger, like a start.
func (s *Manager) checkLedger(ctx context.Context) error {
	o, err := s.ledgerOptions(s.Dir, s.sealed)
	if err != nil {
		return err
	}
	l, err := redeem.OpenLedger(ctx, o)
	if err != nil {
		return err
	}
	return l.Close()
}

func (s *Manager) path(name string) string { return filepath.Join(s.Dir, name) }
