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

// Options say where the records are and what opens them.
type Options struct {
	// Dir is the state directory. It must exist, belong to this process alone
	// (see platform/statedir) and be locked by it. The records are in Dir/records.
	Dir string
	// Key is the data key, [KeySize] bytes, as [Unlock] returns it. It is not kept.
	Key []byte
	// Refuse, if it is set, is what every write fails with: a rehearsal of a disk
	// that takes none.
	Refuse error
}

// Sealed is a [Store] of one sealed file for each record. It keeps no value in
// memory: each Get reads the disk.
//
// It remembers how far each record had come, so that an older copy of a file
// that is put back, or a file that is taken away, while the process runs is
// refused with [ErrKey]. After a restart only a [Mark] tells.
type Sealed struct {
	path   string // of the directory of records
	root   *os.Root
	sealer *sealer

	mu   sync.Mutex // held over a whole operation: reading, comparing, writing
	seen map[string]Version
	// level is the store's, once it is known; see [Sealed.Level].
	level    uint64
	levelled bool
	onWrite  chan struct{} // told of each rise of the level; has room for one

	fail func(step string) error // is asked before each step of a write
}

var _ Store = (*Sealed)(nil)

// RecordsDir is the name of the directory of records in the state directory.
const RecordsDir = "records"

// Open opens the store, and makes its directory if there is none. What a crash
// left of unfinished writes is removed; a record that cannot be read is not
// touched and no error: see [Sealed.Verify]. The caller closes the store.
func Open(ctx context.Context, o Options) (*Sealed, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("store: open %s: %w", o.Dir, err)
	}
	if o.Dir == "" {
		return nil, errors.New("store: open: no state directory is given")
	}
	box, err := newSealer(o.Key)
	if err != nil {
		return nil, err
	}
	s := &Sealed{path: filepath.Join(o.Dir, RecordsDir), sealer: box, seen: map[string]Version{}, onWrite: make(chan struct{}, 1)}
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
		return nil, errors.New("it is a file or a symbolic link, want a directory")
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	opened, err := root.Stat(".")
	if err != nil || !os.SameFile(named, opened) {
		return nil, errors.Join(errors.New("it was exchanged while it was opened"), err, root.Close())
	}
	return root, nil
}

// Close releases the directory. The store is not used afterwards.
func (s *Sealed) Close() error { return s.root.Close() }

// do runs an operation on a record while no other runs, and names both in its error.
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

// Get implements [Store].
func (s *Sealed) Get(ctx context.Context, name string) (value []byte, v Version, err error) {
	err = s.do(ctx, "get", name, func() error {
		rec, err := s.load(name)
		value, v = rec.value, rec.version
		return err
	})
	return value, v, err
}

// Put implements [Store]. A record that cannot be read is never overwritten.
// When Put fails, the record on the disk is the old one, whole; only when the
// last step, syncing the directory, failed may it be the new one, whole.
func (s *Sealed) Put(ctx context.Context, name string, value []byte, was Version) (next Version, err error) {
	err = s.do(ctx, "put", name, func() error {
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

// Delete implements [Store]. It also removes a record that cannot be read. Its part of the
// level stays.
func (s *Sealed) Delete(ctx context.Context, name string) error {
	return s.do(ctx, "delete", name, func() error {
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

// List implements [Store]. A record that cannot be read is listed, unless its
// name is so long that only its content would tell it: see [Sealed.Verify].
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

// Subkey returns a key of [KeySize] bytes that is derived from the data key for
// another purpose, which the label names. It tells nothing of the data key.
func (s *Sealed) Subkey(label string) ([]byte, error) {
	key, err := s.sealer.derive("regent subkey "+label, KeySize)
	if err != nil {
		return nil, fmt.Errorf("store: derive the key for %s: %w", label, err)
	}
	return key, nil
}

// load reads a record and compares it with what was seen of it before.
func (s *Sealed) load(name string) (record, error) {
	rec, err := s.read(fileOf(name))
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.seen[name] == 0:
		return record{}, ErrNotFound
	case errors.Is(err, fs.ErrNotExist):
		return record{}, fmt.Errorf("%s was at version %d and is gone: %w", s.file(name), s.seen[name], ErrKey)
	case err != nil:
		return record{}, err
	case rec.name != name:
		return record{}, fmt.Errorf("%s holds the record %q: %w", s.file(name), rec.name, ErrKey)
	case rec.version < s.seen[name]:
		return record{}, fmt.Errorf("%s is at version %d after version %d: %w", s.file(name), rec.version, s.seen[name], ErrKey)
	}
	s.seen[name] = rec.version
	return rec, nil
}

func (s *Sealed) file(name string) string { return filepath.Join(s.path, fileOf(name)) }
