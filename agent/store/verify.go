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

// Damage is a record that cannot be read. Its file is not changed.
type Damage struct {
	Name string // of the record; "" if it is only in its content
	Path string // of the file
	Err  error  // wraps [ErrKey], or is an error of the file system
}

// Verify reads every record. It returns the damaged ones sorted by path, and the number of
// readable ones. A record that this process has seen and that is missing now is damaged too.
//
// The first call calculates the level. Later calls never lower it: otherwise the next writes
// would hide a missing record.
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
	var unread map[string]record
	if s.readOnce && !s.levelled {
		unread = make(map[string]record, len(files))
	}
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return nil, 0, fmt.Errorf("store: verify %s: %w", s.path, err)
		}
		rec, name, err := s.inspect(file)
		if err == nil {
			sound++
			level += uint64(rec.version)
			if unread != nil {
				unread[name] = rec
			}
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
	if unread != nil && len(damaged) == 0 {
		s.unread = unread
	}
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
			missing = append(missing, Damage{Name: name, Path: s.file(name), Err: fmt.Errorf("it was at version %d and is missing: %w", v, ErrKey)})
		}
	}
	return missing
}

// inspect reads one file. name is the name of its record, or "" if it is unknown.
func (s *Sealed) inspect(file string) (rec record, name string, err error) {
	name, known := s.recordName(file)
	if known {
		rec, err = s.load(name)
		return rec, name, err
	}
	_, err = s.read(file)
	return record{}, "", errors.Join(err, fmt.Errorf("the file's name belongs to no record: %w", ErrKey))
}

// HasRecords reports whether the state directory contains a record, readable or not. It
// needs no key. On an error it returns true, since there may be one.
func HasRecords(dir string) (bool, error) {
	names, err := Names(dir)
	return err != nil || len(names) > 0, err
}

// Names returns the names of the records in a state directory, readable or not. It needs no
// key and reads only the names of the files. For a hashed file name it returns "".
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
