package admin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/store"
)

// Verb is an operation on the whole store. Its text is wire format.
type Verb string

// The verbs. Verify and Drill change nothing and can run while the store is in use. The
// others run while nobody uses it.
const (
	Verify        Verb = "verify"         // read every record
	Drill         Verb = "drill"          // test faults on copies
	Recover       Verb = "recover"        // continue with the readable records
	Reset         Verb = "reset"          // delete everything but the ledger
	Rekey         Verb = "rekey"          // replace the data key
	Adopt         Verb = "adopt"          // bind the state to this device
	RegisterAgain Verb = "register-again" // delete the other device's auth tokens
	SealImage     Verb = "seal-image"     // delete everything, and do nothing until the next boot
)

// Changes reports whether the verb changes anything.
func (v Verb) Changes() bool { return v != Verify && v != Drill }

// Known reports whether there is such a verb.
func (v Verb) Known() bool {
	return slices.Contains([]Verb{Verify, Drill, Recover, Reset, Rekey, Adopt, RegisterAgain, SealImage}, v)
}

// Execute runs a verb. Call Open before, and ignore its error. The manager cannot be used
// afterwards: close it and open another one.
func (s *Manager) Execute(ctx context.Context, v Verb) (Report, error) {
	r, err := s.Plan(ctx, v)
	if err != nil {
		return r, err
	}
	switch v {
	case Recover:
		err = s.recover(ctx, &r)
	case Reset:
		err = s.reset(ctx)
	case SealImage:
		err = s.sealImage(ctx)
	case Rekey:
		err = s.rekey(ctx)
	case Adopt:
		err = s.adopt(ctx)
	case RegisterAgain:
		err = s.registerAgain(ctx)
	}
	r.Done = err == nil
	return r, err
}

// recover keeps the readable records and renames the others to .corrupt-N.
func (s *Manager) recover(ctx context.Context, r *Report) error {
	if s.sealed == nil {
		return s.setAllAside(r)
	}
	damaged, _, err := s.sealed.Verify(ctx)
	if err != nil {
		return err
	}
	moved, err := s.sealed.SetAside(ctx, damaged)
	r.SetAside = append(r.SetAside, moved...)
	if err != nil {
		return err
	}
	if s.checkLedger(ctx) != nil {
		path, err := redeem.SetLedgerAside(ctx, s.Dir, s.sealed)
		if err != nil {
			return err
		}
		r.SetAside = append(r.SetAside, path)
	}
	s.mark = store.FirstMark(ctx, s.sealed, s.Keyring, s.Log)
	return nil
}

// setAllAside renames the records and the ledger, since their key is lost. The next start is
// then a first run.
func (s *Manager) setAllAside(r *Report) error {
	for _, name := range []string{store.RecordsDir, redeem.LedgerName} {
		path, err := store.SetAside(s.path(name))
		if err != nil {
			return err
		}
		if path != "" {
			r.SetAside = append(r.SetAside, path)
		}
	}
	return nil
}

// reset deletes everything but the ledger, which has no secret. It deletes the key before
// the rest: if a later step fails, the sealed records are lost all the same.
func (s *Manager) reset(ctx context.Context) error {
	s.keepLedger(ctx)
	if err := s.Keyring.Delete(ctx); err != nil {
		return err
	}
	if err := s.Keyring.DeleteMark(ctx); err != nil {
		return err
	}
	aside, err := redeem.EndLedger(s.Dir)
	if err != nil {
		return err
	}
	if aside != "" {
		s.Log.WarnContext(ctx, "the ledger was renamed; the next one begins empty", "path", aside)
	}
	// Windows cannot remove an open directory, and the store has its own open.
	if err := s.Close(); err != nil {
		return err
	}
	s.sealed = nil
	return s.removeAll(needsDataKey)
}

// keepLedger keeps the entries for the next ledger. If that fails, [redeem.EndLedger] sets
// the ledger aside. Without a key, the agent has kept them before it deleted the key.
func (s *Manager) keepLedger(ctx context.Context) {
	if s.sealed == nil {
		return
	}
	o, err := s.ledgerOptions(s.Dir, s.sealed)
	if err == nil {
		var l *redeem.Ledger
		if l, err = redeem.OpenLedger(ctx, o); err == nil {
			err = errors.Join(l.Keep(), l.Close())
		}
	}
	if err != nil {
		s.Log.WarnContext(ctx, "the ledger cannot be kept for the next one", "err", err)
	}
}

// removeAll removes the files and directories of the state for which named returns true,
// durably.
func (s *Manager) removeAll(named func(name string) bool) error {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if named(e.Name()) {
			err = errors.Join(err, os.RemoveAll(s.path(e.Name())))
		}
	}
	return errors.Join(err, store.SyncDir(s.Dir))
}

// sealImage deletes everything, the ledger too: a copy of the image has no history.
func (s *Manager) sealImage(ctx context.Context) error {
	if err := s.reset(ctx); err != nil {
		return err
	}
	if err := s.removeAll(func(name string) bool { return name != s.Lock }); err != nil {
		return err
	}
	return writeNew(s.path(imageFile), []byte(s.BootID))
}

// needsDataKey reports whether a file or directory of the state is useless without the data
// key: the records, the damaged ones, and copies of an interrupted drill or rekey.
func needsDataKey(name string) bool {
	switch name {
	case store.RecordsDir, imageFile, drillDir, rekeyDir:
		return true
	}
	return strings.HasPrefix(name, store.RecordsDir+".corrupt-")
}

// forgetLimit is the maximum wait for a keyring that does not answer. A person waits for the
// command, and unregistering takes at most 5 s.
const forgetLimit = 4 * time.Second

// ForgetKey deletes the data key at once. The sealed records are lost from here on. [Reset]
// deletes the rest.
func (s *Manager) ForgetKey(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, forgetLimit)
	defer cancel()
	if err := s.Keyring.Delete(ctx); err != nil {
		return fault.Errorf("unregister", fault.StoreLocked, "cannot delete the data key: %v", err).WithCause(err)
	}
	return nil
}

// writeNew creates a small file, durably. It fails if the file exists.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // in the state directory, which the daemon was given
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return store.SyncDir(filepath.Dir(path))
}
