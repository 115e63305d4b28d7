package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Damage is a record that cannot be read. Its file is left as it is.
type Damage struct {
	Name string // of the record; "" if only its content would tell
	Path string // of the file
	Err  error  // wraps [ErrKey], or is what the file system says
}

// Verify reads every record and returns those that cannot be read, by path, and
// how many can. It counts the level anew.
func (s *Sealed) Verify(ctx context.Context) (damaged []Damage, sound int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	deleted, err := s.tally()
	if err != nil {
		damaged = append(damaged, Damage{Path: filepath.Join(s.path, tallyFile), Err: err})
	}
	s.level, s.levelled = level+uint64(deleted), true
	return damaged, sound, nil
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
	entries, err := os.ReadDir(filepath.Join(dir, RecordsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return true, fmt.Errorf("store: look for records: %w", err)
	}
	for _, e := range entries {
		if isRecord(e.Name()) {
			return true, nil
		}
	}
	return false, nil
}
