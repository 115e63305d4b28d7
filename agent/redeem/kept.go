package redeem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"regent/agent/store"
)

// keptName is the file with the entries that the next ledger of the state directory begins
// with. Its last entry is [Unregistered].
const keptName = LedgerName + ".kept"

// keptKey is the key of its chain. It is no secret, since the data key is deleted. So the
// chain detects damage. Until the next ledger begins, only the file's mode prevents changes.
var keptKey = []byte("kept")

// Keep writes the entries of a ledger that verifies into a file, durably, with
// [Unregistered] at their end. The next ledger under another key begins with them. Without
// entries it writes nothing.
func (l *Ledger) Keep() error {
	if err := l.Verify(); err != nil {
		return fmt.Errorf("keep ledger: %w", err)
	}
	entries := l.Entries()
	if len(entries) == 0 {
		return nil
	}
	entries = append(entries, Entry{Seq: uint64(len(entries)) + 1, At: l.clock.Wall().UTC(), Kind: Unregistered})
	lines, _, err := encodeLines(keptKey, head{}, entries)
	if err != nil {
		return fmt.Errorf("keep ledger: %w", err)
	}
	path := filepath.Join(filepath.Dir(l.path), keptName)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep ledger: %w", err)
	}
	f, err := openRegular(path, true)
	if err != nil {
		return fmt.Errorf("keep ledger: %w", err)
	}
	_, err = f.Write(lines)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keep ledger: %w", err)
	}
	return nil
}

// readKept returns the kept entries of dir. Without them the error is [fs.ErrNotExist]. It is
// [ErrAltered] if they are not as [Ledger.Keep] wrote them.
func readKept(dir string) ([]Entry, error) {
	path := filepath.Join(dir, keptName)
	if _, err := os.Lstat(path); err != nil {
		return nil, err
	}
	f, err := openRegular(path, false)
	if err != nil {
		return nil, err
	}
	var data bytes.Buffer
	if _, err := data.ReadFrom(f); errors.Join(err, f.Close()) != nil {
		return nil, fmt.Errorf("read kept ledger: %w", err)
	}
	entries, _, rest, err := decodeLines(keptKey, data.Bytes())
	if n := len(entries); err != nil || len(rest) > 0 || n == 0 || entries[n-1].Kind != Unregistered {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, ErrAltered), err)
	}
	return entries, nil
}

// beginWithKept begins a new ledger with the kept entries. It reports whether there are any.
// If an earlier attempt was interrupted, no head is sealed, and it begins again.
func (l *Ledger) beginWithKept(ctx context.Context) (bool, error) {
	if l.sealed.Seq > 0 {
		return false, nil
	}
	dir := filepath.Dir(l.path)
	entries, err := readKept(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := l.truncate(); err != nil {
		return false, fmt.Errorf("begin ledger: %w", err)
	}
	if stand, err := l.extend(ctx, entries...); !stand {
		return false, fmt.Errorf("begin ledger: %w", err)
	}
	// The ledger has a head now, so a file that cannot be removed is not read again.
	return true, errors.Join(os.Remove(filepath.Join(dir, keptName)), store.SyncDir(dir))
}

// EndLedger removes the ledger of dir, whose key is deleted, if the kept entries have all its
// lines. Otherwise it renames it to NAME.corrupt-N and returns the new path.
func EndLedger(dir string) (aside string, err error) {
	path := filepath.Join(dir, LedgerName)
	data, err := os.ReadFile(path) //nolint:gosec // in the state directory
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	kept, failed := readKept(dir)
	if err == nil && failed == nil && bytes.Count(data, []byte{'\n'})+1 == len(kept) {
		return "", errors.Join(os.Remove(path), store.SyncDir(dir))
	}
	return store.SetAside(path)
}

// SetLedgerAside renames the ledger and the entries that [Ledger.Keep] wrote to
// NAME.corrupt-N and removes the head, so a new ledger begins. It returns the new path of
// the ledger; "" if there was none.
func SetLedgerAside(ctx context.Context, dir string, s store.Store) (string, error) {
	if _, err := store.SetAside(filepath.Join(dir, keptName)); err != nil {
		return "", err
	}
	// The file is renamed first: a head without its file is refused.
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
