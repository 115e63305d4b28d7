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

// Keyring is what custody needs of the keyring. Every call ends in time.
type Keyring interface {
	store.Keyring
	store.MarkStore
	// DeleteMark removes the mark. No mark is no error.
	DeleteMark(ctx context.Context) error
	// Replace puts key in the data key's place in one step.
	Replace(ctx context.Context, key []byte) error
	// For is the same keyring for another state directory.
	For(dir string) (Keyring, error)
}

// Deps is what a safe is made of. All of it is required.
type Deps struct {
	Dir     string // the state directory, which this process holds
	Lock    string // name of the file in it by which this process holds it
	Keyring Keyring
	Facts   Facts // of this device; none is fine
	BootID  string
	OnClone string // policy.RegisterAgain, policy.AdoptClone; every other is policy.Quarantine
	Clock   timing.Clock
	Log     *slog.Logger
}

// Manager is the store of one state directory, as a whole. Open comes first. It is
// not safe for concurrent use.
type Manager struct {
	Deps
	sealed     *store.Sealed // nil while there is no key
	mark       *store.Mark
	binding    Outcome
	state      store.State
	cause      error
	probeError error // of a rehearsal: what every write fails with
}

// New returns a safe that is not open.
func New(d Deps) *Manager { return &Manager{Deps: d, state: store.Missing} }

// Store returns the open store; nil if it cannot be used.
func (s *Manager) Store() *store.Sealed {
	if s.state != store.OK {
		return nil
	}
	return s.sealed
}

// Mark returns what lets the mark follow the store; nil if it cannot be used.
func (s *Manager) Mark() *store.Mark { return s.mark }

// State returns what Open came to.
func (s *Manager) State() store.State { return s.state }

// Binding says what became of the binding to this device.
func (s *Manager) Binding() Outcome { return s.binding }

// Close releases the store.
func (s *Manager) Close() error {
	if s.sealed == nil {
		return nil
	}
	return s.sealed.Close()
}

// Open opens the store if it is sound, this device's, and no older copy. It
// makes a key on a first run and never otherwise. The error is a [fault.Fault];
// nothing was changed then that a person had not asked for.
func (s *Manager) Open(ctx context.Context) error {
	s.state, s.cause = s.open(ctx)
	return s.cause
}

func (s *Manager) open(ctx context.Context) (store.State, error) {
	if err := s.checkImage(); err != nil {
		return store.ForeignHost, err
	}
	if err := s.finishRekey(ctx); err != nil {
		return store.Unreadable, fault.Errorf("open the store", fault.StoreUnreadable, "an exchange of the data key was interrupted and cannot be finished: %v", err).WithCause(err)
	}
	kept, err := HasState(s.Dir)
	if err != nil {
		return store.Unreadable, fault.Errorf("look at the state directory", fault.StoreUnreadable, "%v", err).WithCause(err)
	}
	key, state, err := store.Unlock(ctx, s.Keyring, kept)
	if err != nil {
		return state, explain(state, err)
	}
	s.sealed, err = store.Open(ctx, store.Options{Dir: s.Dir, Key: key, Refuse: s.probeError})
	if err != nil {
		return store.Unreadable, fault.Errorf("open the store", fault.StoreUnreadable, "%v", err).WithCause(err)
	}
	// 1. Every record can be read: one that cannot is not the same as none.
	damaged, _, err := s.sealed.Verify(ctx)
	if err := damage(damaged, err); err != nil {
		return store.Unreadable, err
	}
	// 2. It is no older copy.
	if !kept {
		s.mark = store.FirstMark(ctx, s.sealed, s.Keyring, s.Log)
	} else if s.mark, state, err = store.OpenMark(ctx, s.sealed, s.Keyring, s.Log); err != nil {
		return state, err
	}
	// 3. It is this device's.
	return s.bind(ctx)
}

// HasState reports whether anything was ever kept in dir: then a missing key is
// a loss, and no first run.
func HasState(dir string) (bool, error) {
	records, err := store.HasRecords(dir)
	if err != nil || records {
		return records, err
	}
	return redeem.HasLedger(dir)
}

// explain says what a state of the key means, and what its reader can do.
func explain(state store.State, err error) error {
	const op = "unlock the store"
	switch state {
	case store.Locked:
		return fault.Errorf(op, fault.StoreLocked, "the keyring does not give out the data key: %v; unlock it, then run: regent reload", err).WithCause(err)
	case store.Missing:
		return fault.Errorf(op, fault.StoreMissing, "the sealed records are there and the key to them is missing; nothing was changed; put the key back from a backup (regent doctor names its files) and run regent reload; without a backup, regent store recover says what going on without the records costs (--yes does it)").WithCause(err)
	}
	return fault.Errorf(op, fault.StoreUnreadable, "the key material is there and cannot be read: %v; nothing was changed; restore it and run regent reload; without a backup, regent store recover says what going on without the records costs (--yes does it)", err).WithCause(err)
}

// damage is the fault of records that cannot be read.
func damage(found []store.Damage, err error) error {
	if err != nil {
		return fault.Errorf("read the store", fault.StoreUnreadable, "%v", err).WithCause(err)
	}
	if len(found) == 0 {
		return nil
	}
	if i := slices.IndexFunc(found, func(d store.Damage) bool { return errors.Is(d.Err, store.ErrNewer) }); i >= 0 {
		return fault.Errorf("read the store", fault.StoreUnreadable, "%s was written by a newer release of Regent; it was left as it is; install that release again", found[i].Path).WithCause(found[i].Err)
	}
	first := found[0]
	return fault.Errorf("read the store", fault.StoreUnreadable,
		"%d of the sealed records cannot be read, the first is %s; nothing was changed and nothing will be redeemed; restore the state directory and run regent reload; without a backup, regent store recover says what going on without them costs (--yes does it)", len(found), first.Path).WithCause(first.Err)
}

// LedgerKey returns the key of the ledger's chain.
func (s *Manager) LedgerKey() ([]byte, error) { return s.sealed.Subkey(ledgerLabel) }

const ledgerLabel = "ledger"

// ledgerOptions is the ledger of a store in dir.
func (s *Manager) ledgerOptions(dir string, in *store.Sealed) (redeem.LedgerOptions, error) {
	key, err := in.Subkey(ledgerLabel)
	return redeem.LedgerOptions{Dir: dir, Key: key, Store: in, Clock: s.Clock}, err
}

// checkLedger reads the whole ledger, as a start does.
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
