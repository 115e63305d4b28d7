package redeem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"regent/agent/store"
	"regent/agent/timing"
)

// headName is the store's record of the ledger's end.
const headName = "ledger/head"

// LedgerName is the ledger's file in the state directory.
const LedgerName = "ledger.jsonl"

// ErrAltered means that the ledger differs from the one that regentd wrote: it was damaged,
// changed or removed. Regent then redeems no token, since it cannot account for the counts.
var ErrAltered = errors.New("redeem: the ledger was altered")

// errInterrupted is the state of the ledger after a crash, until repair has run.
var errInterrupted = errors.New("the last run ended in the middle of a line")

// head is the end of the ledger. It is sealed, so that a removed last line is detected.
type head struct {
	Seq   uint64 `json:"seq"`
	Chain string `json:"chain"`
}

// Ledger is the record of every redemption: append-only and chained. Each line is durable
// before Append returns. It is safe for concurrent use.
type Ledger struct {
	path  string
	key   []byte
	store store.Store
	clock timing.Clock
	sync  func(*os.File) error

	mu         sync.Mutex
	file       *os.File
	size       int64         // of the file up to its last line, in bytes
	last       head          // of the last line
	sealed     head          // of the store's record
	version    store.Version // of the store's record
	unrepaired error         // why the file may be longer than size, or sealed may differ from last

	// entriesMu is locked only during a copy, so that readers never wait for a disk. Lock
	// it after mu.
	entriesMu sync.Mutex
	entries   []Entry
}

// LedgerOptions are the dependencies of a ledger. All fields but Sync are required.
type LedgerOptions struct {
	Dir   string // the state directory
	Key   []byte // for the chain, derived from the data key
	Store store.Store
	Clock timing.Clock
	Sync  func(*os.File) error // makes a file durable; nil for [os.File.Sync]. A test without power failures needs none.
}

// OpenLedger reads and verifies the ledger. It makes an empty one if there was none. It
// repairs an incomplete last line, and one valid line after the sealed head: a crash can
// leave both. Any other difference is [ErrAltered] and changes nothing. If the repair
// fails, for example on a full disk, Append retries it before the next line.
func OpenLedger(ctx context.Context, o LedgerOptions) (*Ledger, error) {
	l := &Ledger{path: filepath.Join(o.Dir, LedgerName), key: slices.Clone(o.Key), store: o.Store, clock: o.Clock, sync: o.Sync}
	if l.sync == nil {
		l.sync = (*os.File).Sync
	}
	if err := l.readHead(ctx); err != nil {
		return nil, err
	}
	f, err := openRegular(l.path, l.sealed.Seq == 0)
	if err != nil {
		return nil, err
	}
	l.file = f
	begun, err := l.beginWithKept(ctx)
	if err == nil && !begun {
		err = l.load(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// openRegular opens path for reading and writing. It refuses symbolic links and all other
// files that are not regular. It makes the file only if first is set, and then syncs the
// directory: a file that is lost in a power failure would look like a removed one.
func openRegular(path string, first bool) (*os.File, error) {
	flags, check := os.O_RDWR, func(*os.File) error { return store.SyncDir(filepath.Dir(path)) }
	before, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist) && first:
		flags |= os.O_CREATE | os.O_EXCL
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("open ledger %s: the file was removed: %w", path, ErrAltered)
	case err != nil:
		return nil, fmt.Errorf("open ledger: %w", err)
	case !before.Mode().IsRegular():
		return nil, fmt.Errorf("open ledger %s: not a regular file: %w", path, ErrAltered)
	default:
		check = func(f *os.File) error {
			if after, err := f.Stat(); err != nil || !os.SameFile(before, after) {
				return errors.Join(errors.New("the file was replaced in between"), err)
			}
			return nil
		}
	}
	f, err := os.OpenFile(path, flags, 0o600) //nolint:gosec // the state directory's own file
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	if err := check(f); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", path, err), f.Close())
	}
	return f, nil
}

func (l *Ledger) readHead(ctx context.Context) error {
	b, v, err := l.store.Get(ctx, headName)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read ledger head: %w", err)
	}
	var sealed head
	if err := json.Unmarshal(b, &sealed); err != nil {
		return fmt.Errorf("read ledger head: %w", err)
	}
	l.sealed, l.version = sealed, v
	return nil
}

// load verifies the file against the sealed head. It repairs only damage that a crash can
// leave.
func (l *Ledger) load(ctx context.Context) error {
	data, err := io.ReadAll(l.file)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	entries, ends, rest, verr := decodeLines(l.key, data)
	n, sealed := uint64(len(entries)), l.sealed.Seq
	complete := verr == nil && len(rest) <= maxLine && n >= sealed
	switch {
	case complete && n == sealed && (n == 0 || ends[n-1] == l.sealed):
	case complete && n == sealed+1 && (sealed == 0 || ends[sealed-1] == l.sealed):
		// The line reached the disk, but its head did not.
	default:
		return errors.Join(fmt.Errorf("%s: %d lines verified, %d sealed: %w", l.path, n, sealed, ErrAltered), verr)
	}
	l.entries, l.size = entries, int64(len(data)-len(rest))
	if n > 0 {
		l.last = ends[n-1]
	}
	if len(rest) > 0 || l.last != l.sealed {
		l.unrepaired = errInterrupted
		_ = l.repair(ctx) // on failure, Append retries before the next line
	}
	return nil
}

// Append sets the number and time of e, and returns e when it is durable. On an error the
// ledger is unchanged if the returned entry has no number. If it has one, the line is in
// the ledger but may not be durable.
func (l *Ledger) Append(ctx context.Context, e Entry) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// Append writes only to the file that the next start finds, and only behind a line that
	// is certain.
	if err := l.checkFile(); err != nil {
		return Entry{}, err
	}
	if err := l.repair(ctx); err != nil {
		return Entry{}, err
	}
	e.Seq = l.last.Seq + 1
	e.At = l.clock.Wall().UTC()
	stands, err := l.extend(ctx, e)
	if !stands {
		return Entry{}, err
	}
	return e, err
}

// extend writes entries behind the last line, and reports whether they are in the file. If
// it also returns an error, they may not be durable. The caller holds mu.
func (l *Ledger) extend(ctx context.Context, entries ...Entry) (stand bool, err error) {
	lines, end, err := encodeLines(l.key, l.last, entries)
	if err != nil {
		return false, err
	}
	if err := l.write(lines); err != nil {
		return false, fmt.Errorf("write ledger %s: %w", l.path, l.rollBack(err))
	}
	err = l.seal(ctx, end)
	if err != nil && !l.isSealed(ctx, end) {
		return false, l.rollBack(err)
	}
	l.size += int64(len(lines))
	l.last = end
	l.entriesMu.Lock()
	l.entries = append(l.entries, entries...)
	l.entriesMu.Unlock()
	return true, err
}

// checkFile returns an error if the open file is not the file that the next start will
// find.
func (l *Ledger) checkFile() error {
	opened, err := l.file.Stat()
	if err != nil {
		return fmt.Errorf("read ledger status: %w", err)
	}
	if named, err := os.Lstat(l.path); err != nil || !os.SameFile(opened, named) {
		return fmt.Errorf("ledger %s: the file was removed or replaced while regentd runs. Put it back: %w", l.path, ErrAltered)
	}
	return nil
}

// repair corrects the file after a crash or a failed write. It cuts all bytes after the last
// line, and seals the head of that line.
func (l *Ledger) repair(ctx context.Context) error {
	if l.unrepaired == nil {
		return nil
	}
	l.unrepaired = l.truncate()
	if l.unrepaired == nil {
		l.unrepaired = l.readHead(ctx)
	}
	if l.unrepaired == nil && l.sealed != l.last {
		l.unrepaired = l.seal(ctx, l.last)
	}
	if l.unrepaired != nil {
		return fmt.Errorf("repair ledger %s after an earlier failure: %w", l.path, l.unrepaired)
	}
	return nil
}

// isSealed reports whether end is sealed although sealing reported a failure. Then its line
// must stay, since cutting it would look like a removed line. If the head cannot be read,
// the line stays too: repair and the next start accept both heads.
func (l *Ledger) isSealed(ctx context.Context, end head) bool {
	if err := l.readHead(ctx); err != nil {
		l.unrepaired = err
		return true
	}
	return l.sealed == end
}

// write puts line at the end of the file, durably.
func (l *Ledger) write(line []byte) error {
	if _, err := l.file.WriteAt(line, l.size); err != nil {
		return err
	}
	return l.sync(l.file)
}

// rollBack removes the bytes of a failed Append, and returns the cause. If that fails, it
// sets unrepaired.
func (l *Ledger) rollBack(cause error) error {
	if err := l.truncate(); err != nil {
		l.unrepaired = err
		return errors.Join(cause, err)
	}
	return cause
}

// truncate makes the file end with its last line, durably.
func (l *Ledger) truncate() error {
	if err := l.file.Truncate(l.size); err != nil {
		return err
	}
	return l.sync(l.file)
}

func (l *Ledger) seal(ctx context.Context, end head) error {
	b, err := json.Marshal(end)
	if err != nil {
		return fmt.Errorf("encode ledger head: %w", err)
	}
	v, err := l.store.Put(ctx, headName, b, l.version)
	if err != nil {
		return fmt.Errorf("seal ledger head: %w", err)
	}
	l.sealed, l.version = end, v
	return nil
}

// Entries returns the whole ledger, oldest first. It does not wait for a write under way.
func (l *Ledger) Entries() []Entry { return l.entriesAfter(0) }

// entriesAfter returns the entries after the one with the number seq. It never waits for a
// disk.
func (l *Ledger) entriesAfter(seq uint64) []Entry {
	l.entriesMu.Lock()
	defer l.entriesMu.Unlock()
	return slices.Clone(l.entries[min(seq, uint64(len(l.entries))):])
}

// Verify reads the file again and compares it with this process's copy. A difference is
// [ErrAltered].
func (l *Ledger) Verify() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.checkFile(); err != nil {
		return err
	}
	if l.unrepaired != nil {
		return fmt.Errorf("verify ledger %s: a write failed and is not repaired yet. Try again later: %w", l.path, l.unrepaired)
	}
	data, err := io.ReadAll(io.NewSectionReader(l.file, 0, l.size+1))
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	entries, ends, rest, err := decodeLines(l.key, data)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w: %w", l.path, ErrAltered, err)
	case len(rest) > 0 || uint64(len(entries)) != l.last.Seq || len(ends) > 0 && ends[len(ends)-1] != l.last:
		return fmt.Errorf("%s: its end is not the sealed one: %w", l.path, ErrAltered)
	}
	return nil
}

// Close closes the file.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

// CopyLedger copies the ledger of from, entry by entry, to a new ledger of to: under
// another key, in another store. It copies only a ledger that verifies. There must be no
// ledger yet in to.
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
	if n := fresh.last.Seq; n != 0 {
		err = fmt.Errorf("copy ledger: %s has %d entries, want none", fresh.path, n)
	} else if len(entries) > 0 {
		_, err = fresh.extend(ctx, entries...)
	}
	return errors.Join(err, fresh.Close())
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
