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

// Verb is something a person can have done to the store as a whole. Its text is
// wire format.
type Verb string

// The verbs. Verify and Drill change nothing and can be done while the store is
// in use; the others are done while nobody uses it.
const (
	Verify        Verb = "verify"         // read all of it
	Drill         Verb = "drill"          // rehearse what could happen to it
	Recover       Verb = "recover"        // go on with what can be read
	Reset         Verb = "reset"          // forget everything
	Rekey         Verb = "rekey"          // exchange the data key
	Adopt         Verb = "adopt"          // it is this device's
	RegisterAgain Verb = "register-again" // it is another device's: forget its auth tokens
	SealImage     Verb = "seal-image"     // forget everything, until the next boot
)

// Changes reports whether the verb changes anything.
func (v Verb) Changes() bool { return v != Verify && v != Drill }

// Known reports whether there is such a verb.
func (v Verb) Known() bool {
	return slices.Contains([]Verb{Verify, Drill, Recover, Reset, Rekey, Adopt, RegisterAgain, SealImage}, v)
}

// Execute does what the verb says. Open came first, whatever it came to. The safe is
// of no more use afterwards: close it and open another.
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

// recover goes on with what can be read. What cannot is kept as .corrupt-N.
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

// setAllAside keeps the state whose key is lost, and leaves a first run.
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

// reset forgets everything but the account of redemptions, which has no secret
// and is kept. The key goes first: what is sealed under it is then lost, however
// far the rest comes.
func (s *Manager) reset(ctx context.Context) error {
	if err := s.Keyring.Delete(ctx); err != nil {
		return err
	}
	if err := s.Keyring.DeleteMark(ctx); err != nil {
		return err
	}
	if _, err := store.SetAside(s.path(redeem.LedgerName)); err != nil {
		return err
	}
	// Windows removes no directory that is open, as the store has its own.
	if err := s.Close(); err != nil {
		return err
	}
	s.sealed = nil
	return s.removeAll(needsDataKey)
}

// removeAll removes the files and directories of the state that have such a name, durably.
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

// sealImage forgets everything, the account too: a copy of the image has no history.
func (s *Manager) sealImage(ctx context.Context) error {
	if err := s.reset(ctx); err != nil {
		return err
	}
	if err := s.removeAll(func(name string) bool { return name != s.Lock }); err != nil {
		return err
	}
	return writeNew(s.path(imageFile), []byte(s.BootID))
}

// needsDataKey reports whether a file or directory of the state is of no use
// without the data key: the records, those that were set aside, and what an
// interrupted drill or exchange of the key left of copies.
func needsDataKey(name string) bool {
	switch name {
	case store.RecordsDir, imageFile, drillDir, rekeyDir:
		return true
	}
	return strings.HasPrefix(name, store.RecordsDir+".corrupt-")
}

// forgetLimit bounds the wait for a keyring that does not answer: a person stands
// before the device, and unregistering takes at most 5 s.
const forgetLimit = 4 * time.Second

// ForgetKey destroys the data key at once: what is sealed under it is lost from
// here on. [Reset] clears the rest away.
func (s *Manager) ForgetKey(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, forgetLimit)
	defer cancel()
	if err := s.Keyring.Delete(ctx); err != nil {
		return fault.Errorf("unregister", fault.StoreLocked, "the data key could not be destroyed: %v", err).WithCause(err)
	}
	return nil
}

// writeNew writes a small file that was not there, durably.
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
