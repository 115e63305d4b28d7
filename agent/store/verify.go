package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Damage is a record that cannot be read. Its file is left as it is.
type Damage struct {
	Name string // of the record; "" if only its content would tell
	Path string // of the file
	Err  error  // wraps [ErrKey], or is what the file system says
}

// Verify reads every record and returns those that cannot be read or were taken
// away since this process saw them, by path, and how many can be read. The first
// time it counts the level; later ones never lower it, or what was taken away
// would be forgotten with the next writes.
func (s *Sealed) Verify(ctx context.Context) (damaged []Damage, sound int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.verify(ctx)
}

// verify is Verify for a caller that holds mu.
func (s *Sealed) verify(ctx context.Context) (damaged []Damage, sound int, err error) {
	files, err := s.files()
	if err != nil {
		return nil, 0, err
	}
	var level uint64
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return nil, 0, fmt.Errorf("store: verify %s: %w", s.path, err)
		}
		rec, name, err := s.inspect(file)
		if err == nil {
			sound++
			level += uint64(rec.version)
			continue
		}
		damaged = append(damaged, Damage{Name: name, Path: filepath.Join(s.path, file), Err: err})
	}
	damaged = append(damaged, s.gone(files)...)
	deleted, err := s.deletions()
	if err != nil {
		damaged = append(damaged, Damage{Path: filepath.Join(s.path, deletionsFile), Err: err})
	}
	slices.SortFunc(damaged, func(a, b Damage) int { return strings.Compare(a.Path, b.Path) })
	if level += uint64(deleted); !s.levelled || level > s.level {
		s.level, s.levelled = level, true
	}
	return damaged, sound, nil
}

// gone returns the records that this process has seen and that have no file.
// files is sorted.
func (s *Sealed) gone(files []string) []Damage {
	var missing []Damage
	for name, v := range s.seen {
		if _, there := slices.BinarySearch(files, fileOf(name)); v > 0 && !there {
			missing = append(missing, Damage{Name: name, Path: s.file(name), Err: fmt.Errorf("it was at version %d and is gone: %w", v, ErrKey)})
		}
	}
	return missing
}

// inspect reads one file. name is its record's, as far as it can be told.
func (s *Sealed) inspect(file string) (rec record, name string, err error) {
	name, known := s.recordName(file)
	if known {
		rec, err = s.load(name)
		return rec, name, err
	}
	_, err = s.read(file)
	return record{}, "", errors.Join(err, fmt.Errorf("the file's name belongs to no record: %w", ErrKey))
}

// HasRecords reports whether the state directory holds a record, readable or
// not. It needs no key. On an error the answer is unknown, and a caller that has
// to decide must take it for a yes.
func HasRecords(dir string) (bool, error) {
	names, err := Names(dir)
	return err != nil || len(names) > 0, err
}

// Names lists the records of a state directory by the names of their files,
// readable or not. It needs no key, and believes nothing of a file's content: of
// a record whose name is too long for a file's, the name is "".
func Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, RecordsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("store: list records: %w", err)
	}
	var names []string
	for _, e := range entries {
		if isRecord(e.Name()) {
			name, _ := nameOf(e.Name())
			names = append(names, name)
		}
	}
	return names, nil
}
