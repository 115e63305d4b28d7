package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Options has the directory of the records and their data key.
type Options struct {
	// Dir is the state directory. It must exist, and this process must have locked it
	// (see platform/statedir). The records are in Dir/records.
	Dir string
	// Key is the data key of [KeySize] bytes from [Unlock]. The store does not keep it.
	Key []byte
	// ReadOnce keeps the values that the first Verify reads, until each is read once or
	// [Sealed.Started]. A start then reads each file once.
	ReadOnce bool
	// Refuse, if not nil, is the error of every write. It simulates a full disk.
	Refuse error
}

// Sealed is a [Store] with one sealed file for each record. It has no value in memory, but
// see [Options].ReadOnce: each Get reads the disk. It is safe for concurrent use.
//
// It remembers the version of each record. If somebody restores an older copy of a file or
// deletes a file while the process runs, reading the record fails with [ErrKey]. After a
// restart, only a [Mark] detects it.
type Sealed struct {
	path   string // of the directory of records
	root   *os.Root
	sealer *sealer

	mu       sync.Mutex // guards a whole operation: read, compare, write
	seen     map[string]Version
	readOnce bool              // see Options
	unread   map[string]record // the values of the first Verify that were not read since; see Options.ReadOnce
	// level is valid if levelled is true; see [Sealed.Level].
	level    uint64
	levelled bool
	onWrite  chan struct{} // gets a signal for each write; buffer of 1

	fail func(step string) error // called before each step of a write; its error fails it
}

var _ Store = (*Sealed)(nil)

// RecordsDir is the name of the directory of records in the state directory.
const RecordsDir = "records"

// Open opens the store, and creates its directory if there is none. It removes the temporary
// files of unfinished writes. An unreadable record is no error here, and is not changed: see
// [Sealed.Verify]. The caller closes the store.
func Open(ctx context.Context, o Options) (*Sealed, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("store: open %s: %w", o.Dir, err)
	}
	if o.Dir == "" {
		return nil, errors.New("store: open: the state directory is missing in the options")
	}
	box, err := newSealer(o.Key)
	if err != nil {
		return nil, err
	}
	s := &Sealed{path: filepath.Join(o.Dir, RecordsDir), sealer: box, readOnce: o.ReadOnce, seen: map[string]Version{}, onWrite: make(chan struct{}, 1)}
	s.fail = func(string) error { return o.Refuse }
	if s.root, err = openRecords(o.Dir, s.path); err != nil {
		return nil, fmt.Errorf("store: open %s: %w", s.path, err)
	}
	if err := s.sweep(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openRecords opens the directory of records and refuses anything else in its place.
func openRecords(state, path string) (*os.Root, error) {
	switch err := os.Mkdir(path, 0o700); {
	case err == nil:
		if err := SyncDir(state); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrExist):
		return nil, err
	}
	named, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !named.IsDir() {
		return nil, errors.New("it is a file or a symbolic link, not a directory")
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	opened, err := root.Stat(".")
	if err != nil || !os.SameFile(named, opened) {
		return nil, errors.Join(errors.New("it was replaced while the store opened it"), err, root.Close())
	}
	return root, nil
}

// Close closes the directory. The store cannot be used afterwards.
func (s *Sealed) Close() error { return s.root.Close() }

// do runs an operation on a record and holds mu. Its error names both.
func (s *Sealed) do(ctx context.Context, op, name string, run func() error) error {
	err := cmp.Or(ctx.Err(), CheckName(name))
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		err = run()
	}
	if err != nil {
		return fmt.Errorf("store: %s %q: %w", op, name, err)
	}
	return nil
}

// Started drops the values that [Options].ReadOnce kept and nobody read.
func (s *Sealed) Started() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unread, s.readOnce = nil, false
}

// Get implements [Store].
func (s *Sealed) Get(ctx context.Context, name string) (value []byte, v Version, err error) {
	err = s.do(ctx, "get", name, func() error {
		if rec, ok := s.unread[name]; ok {
			delete(s.unread, name)
			value, v = rec.value, rec.version
			return nil
		}
		rec, err := s.load(name)
		value, v = rec.value, rec.version
		return err
	})
	return value, v, err
}

// Put implements [Store]. It never overwrites an unreadable record. If Put fails, the disk
// has the complete old record. If only the last step failed, the sync of the directory, the
// disk may have the complete new record.
func (s *Sealed) Put(ctx context.Context, name string, value []byte, was Version) (next Version, err error) {
	err = s.do(ctx, "put", name, func() error {
		delete(s.unread, name)
		rec, err := s.load(name)
		switch {
		case len(value) > MaxSize:
			return fmt.Errorf("%d bytes: %w", len(value), ErrTooLarge)
		case err != nil && !errors.Is(err, ErrNotFound):
			return err
		case rec.version != was:
			return fmt.Errorf("over version %d, found version %d: %w", was, rec.version, ErrConflict)
		}
		if err := s.write(fileOf(name), s.sealer.seal(name, was+1, value)); err != nil {
			return err
		}
		next = was + 1
		s.seen[name] = next
		s.countWrite()
		return nil
	})
	return next, err
}

// Delete implements [Store]. It also removes an unreadable record. The level does not get
// lower.
func (s *Sealed) Delete(ctx context.Context, name string) error {
	return s.do(ctx, "delete", name, func() error {
		delete(s.unread, name)
		if _, err := s.root.Lstat(fileOf(name)); errors.Is(err, fs.ErrNotExist) {
			delete(s.seen, name)
			return nil
		}
		if err := s.countDeletion(name); err != nil {
			return err
		}
		if err := s.root.Remove(fileOf(name)); err != nil {
			return err
		}
		if err := s.syncDir(); err != nil {
			return err
		}
		delete(s.seen, name)
		s.countWrite()
		return nil
	})
}

// List implements [Store]. It includes unreadable records, except those with a hashed file
// name: see [Sealed.Verify].
func (s *Sealed) List(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("store: list: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	files, err := s.files()
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(files))
	for _, f := range files {
		if name, ok := s.recordName(f); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Subkey returns a key of [KeySize] bytes that is derived from the data key. label names its
// purpose. The key reveals nothing of the data key.
func (s *Sealed) Subkey(label string) ([]byte, error) {
	key, err := s.sealer.derive("regent subkey "+label, KeySize)
	if err != nil {
		return nil, fmt.Errorf("store: derive the key for %s: %w", label, err)
	}
	return key, nil
}

// load reads a record and compares its version with the last known one.
func (s *Sealed) load(name string) (record, error) {
	rec, err := s.read(fileOf(name))
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.seen[name] == 0:
		return record{}, ErrNotFound
	case errors.Is(err, fs.ErrNotExist):
		return record{}, fmt.Errorf("%s was at version %d and is missing: %w", s.file(name), s.seen[name], ErrKey)
	case err != nil:
		return record{}, err
	case rec.name != name:
		return record{}, fmt.Errorf("%s contains the record %q: %w", s.file(name), rec.name, ErrKey)
	case rec.version < s.seen[name]:
		return record{}, fmt.Errorf("%s is at version %d after version %d: %w", s.file(name), rec.version, s.seen[name], ErrKey)
	}
	s.seen[name] = rec.version
	return rec, nil
}

func (s *Sealed) file(name string) string { return filepath.Join(s.path, fileOf(name)) }
