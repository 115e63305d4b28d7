package redeem

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"regent/agent/store"
)

// CopyLedger writes the ledger of from anew, entry by entry, as the ledger of to:
// under another key, in another store. There must be none yet. Only a ledger
// that verifies is copied.
func CopyLedger(ctx context.Context, from, to LedgerOptions) error {
	old, err := OpenLedger(ctx, from)
	if err != nil {
		return err
	}
	entries := old.Entries()
	if err := old.Close(); err != nil {
		return fmt.Errorf("copy ledger: %w", err)
	}
	fresh, err := OpenLedger(ctx, to)
	if err != nil {
		return err
	}
	return errors.Join(fresh.writeAll(ctx, entries), fresh.Close())
}

// writeAll writes entries into an empty ledger, all at once.
func (l *Ledger) writeAll(ctx context.Context, entries []Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last.Seq != 0 {
		return fmt.Errorf("copy ledger: %s has %d entries, want none", l.path, l.last.Seq)
	}
	var all []byte
	end := head{}
	for _, e := range entries {
		line, chain, err := encodeLine(l.key, end.Chain, e)
		if err != nil {
			return err
		}
		all = append(append(all, line...), '\n')
		end = head{e.Seq, chain}
	}
	if len(entries) == 0 {
		return nil
	}
	if err := l.write(all); err != nil {
		return fmt.Errorf("write ledger %s: %w", l.path, err)
	}
	return l.seal(ctx, end)
}

// SetLedgerAside renames the ledger to NAME.corrupt-N and removes its head, so
// that the next one begins anew. It returns the new path; "" if there was none.
func SetLedgerAside(ctx context.Context, dir string, s store.Store) (string, error) {
	// The file goes first: a head without its file is refused, never believed.
	path, err := store.SetAside(filepath.Join(dir, LedgerName))
	if err != nil {
		return "", err
	}
	if s == nil {
		return path, nil
	}
	if err := s.Delete(ctx, headName); err != nil {
		return path, fmt.Errorf("remove ledger head: %w", err)
	}
	return path, nil
}

// HasLedger reports whether a ledger has a line in dir. It needs no key.
func HasLedger(dir string) (bool, error) {
	st, err := os.Lstat(filepath.Join(dir, LedgerName))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return true, fmt.Errorf("look for a ledger: %w", err)
	}
	return st.Size() > 0, nil
}

// IsHead reports whether a record of the store is a ledger's head.
func IsHead(name string) bool { return name == headName }
