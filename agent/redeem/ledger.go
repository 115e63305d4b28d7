package redeem

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"regent/agent/clock"
	"regent/agent/store"
)

// headName is the store's record of the ledger's end.
const headName = "ledger/head"

// LedgerName is the ledger's file in the state directory.
const LedgerName = "ledger.jsonl"

var (
	// ErrAltered means that the ledger is not what this daemon wrote. Nothing is
	// redeemed then: what is not known cannot be accounted for.
	ErrAltered = errors.New("redeem: the ledger was altered")
	// errBroken means that a write failed and could not be undone.
	errBroken = errors.New("redeem: the ledger cannot be written since an earlier failure")
)

// head is where the ledger ends, sealed, so that a removed last line is found.
type head struct {
	Seq   uint64 `json:"seq"`
	Chain string `json:"chain"`
}

// Ledger is the account of every redemption: append-only, chained, durable
// line by line. It is safe for concurrent use.
type Ledger struct {
	path  string
	key   []byte
	store store.Store
	clock clock.Clock

	mu      sync.Mutex
	file    *os.File
	size    int64
	end     head
	version store.Version // of the head's record
	entries []Entry
	broken  error
}

// LedgerOptions is what a ledger needs. All fields are required.
type LedgerOptions struct {
	Dir   string // the state directory
	Key   []byte // for the chain, derived from the data key
	Store store.Store
	Clock clock.Clock
}

// OpenLedger reads and verifies the ledger, and makes an empty one where there
// was none. A line that was torn by a crash, or one valid line beyond the sealed
// head, is repaired; anything else is [ErrAltered] and changes nothing.
func OpenLedger(ctx context.Context, o LedgerOptions) (*Ledger, error) {
	l := &Ledger{path: filepath.Join(o.Dir, LedgerName), key: slices.Clone(o.Key), store: o.Store, clock: o.Clock}
	if err := l.readHead(ctx); err != nil {
		return nil, err
	}
	f, err := openRegular(l.path)
	if err != nil {
		return nil, err
	}
	l.file = f
	if err := l.load(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// openRegular opens path for reading and appending and refuses what is no
// regular file, a symbolic link too.
func openRegular(path string) (*os.File, error) {
	before, err := os.Lstat(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	if err == nil && !before.Mode().IsRegular() {
		return nil, fmt.Errorf("open ledger %s: it is no regular file: %w", path, ErrAltered)
	}
	flags := os.O_RDWR | os.O_CREATE
	if before == nil {
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(path, flags, 0o600) //nolint:gosec // the state directory's own file
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	if after, err := f.Stat(); err != nil || before != nil && !os.SameFile(before, after) {
		return nil, errors.Join(fmt.Errorf("open ledger %s: it was replaced meanwhile", path), err, f.Close())
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
	if err := json.Unmarshal(b, &l.end); err != nil {
		return fmt.Errorf("read ledger head: %w", err)
	}
	l.version = v
	return nil
}

// load verifies the file against the sealed head and repairs what a crash, and
// only a crash, can have left.
func (l *Ledger) load(ctx context.Context) error {
	data, err := io.ReadAll(l.file)
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	entries, ends, rest, verr := walk(l.key, data)
	n := uint64(len(entries))
	switch sealed := l.end.Seq; {
	case verr == nil && n == sealed && (n == 0 || ends[n-1].Chain == l.end.Chain):
	case verr == nil && n == sealed+1 && (sealed == 0 || ends[sealed-1].Chain == l.end.Chain):
		// The line reached the disk and its head did not.
	default:
		return errors.Join(fmt.Errorf("%s: %d lines verified, %d sealed: %w", l.path, n, sealed, ErrAltered), verr)
	}
	l.entries = entries
	l.size = int64(len(data) - len(rest))
	if len(rest) > 0 { // torn by a crash: it never became a line
		if err := l.file.Truncate(l.size); err != nil {
			return fmt.Errorf("repair ledger %s: %w", l.path, err)
		}
	}
	if n > l.end.Seq {
		return l.seal(ctx, ends[n-1])
	}
	return nil
}

// walk verifies data line by line. rest is what follows the last newline. err
// says why a whole line was not accepted.
func walk(key, data []byte) (entries []Entry, ends []head, rest []byte, err error) {
	chain := ""
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return entries, ends, data, nil
		}
		e, next, err := unlink(key, chain, data[:i])
		if err == nil && e.Seq != uint64(len(entries))+1 {
			err = fmt.Errorf("its number is %d", e.Seq)
		}
		if err != nil {
			return entries, ends, data, fmt.Errorf("line %d: %w", len(entries)+1, err)
		}
		chain = next
		entries = append(entries, e)
		ends = append(ends, head{e.Seq, chain})
		data = data[i+1:]
	}
}

// Append numbers and dates e, and returns it once it is durable. When it fails
// the ledger is as before, unless the entry that comes back has a number: then
// the line stands, and only its being durable is in doubt.
func (l *Ledger) Append(ctx context.Context, e Entry) (Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return Entry{}, l.broken
	}
	e.Seq = l.end.Seq + 1
	e.At = l.clock.Wall().UTC()
	line, chain, err := link(l.key, l.end.Chain, e)
	if err != nil {
		return Entry{}, err
	}
	if err := l.write(append(line, '\n')); err != nil {
		return Entry{}, fmt.Errorf("write ledger %s: %w", l.path, err)
	}
	err = l.seal(ctx, head{e.Seq, chain})
	if err != nil && !l.stands(ctx, e.Seq) {
		return Entry{}, l.undo(err)
	}
	l.size += int64(len(line)) + 1
	l.entries = append(l.entries, e)
	return e, err
}

// stands reports whether the head seals line seq although sealing it failed:
// then cutting the line off would look like a removed one. Where that cannot be
// told the line stays, the next start accepts both, and nothing is written
// behind it until then.
func (l *Ledger) stands(ctx context.Context, seq uint64) bool {
	if err := l.readHead(ctx); err != nil {
		l.broken = fmt.Errorf("%w: %w", errBroken, err)
		return true
	}
	return l.end.Seq == seq
}

// write puts line at the end of the file, durably, or takes it back.
func (l *Ledger) write(line []byte) error {
	_, err := l.file.WriteAt(line, l.size)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return l.undo(err)
	}
	return nil
}

// undo cuts the file back to the last good line. If that fails too, the next
// start repairs it, and until then nothing is written behind a doubtful line.
func (l *Ledger) undo(cause error) error {
	err := l.file.Truncate(l.size)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		l.broken = fmt.Errorf("%w: %w", errBroken, err)
		return errors.Join(cause, l.broken)
	}
	return cause
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
	l.end, l.version = end, v
	return nil
}

// Entries returns the whole ledger, oldest first.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// Verify reads the file again and compares it with what this process holds.
func (l *Ledger) Verify() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	data := make([]byte, l.size)
	if _, err := l.file.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read ledger: %w", err)
	}
	st, err := l.file.Stat()
	if err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	entries, ends, rest, err := walk(l.key, data)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w: %w", l.path, ErrAltered, err)
	case len(rest) > 0 || uint64(len(entries)) != l.end.Seq || st.Size() != l.size:
		return fmt.Errorf("%s: it ends elsewhere than sealed: %w", l.path, ErrAltered)
	case len(ends) > 0 && ends[len(ends)-1] != l.end:
		return fmt.Errorf("%s: its last line is another one: %w", l.path, ErrAltered)
	}
	return nil
}

// Close closes the file.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
