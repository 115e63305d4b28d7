package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// read reads and opens a record's file. What is not a regular file, or does not
// open, is an error that wraps [ErrKey]; none is [fs.ErrNotExist].
func (s *Sealed) read(file string) (record, error) {
	raw, err := s.readRaw(file)
	if err != nil {
		return record{}, err
	}
	rec, err := s.sealer.open(raw)
	if err != nil {
		return record{}, fmt.Errorf("%s: %w", filepath.Join(s.path, file), err)
	}
	return rec, nil
}

// readRaw reads a regular file. The look before the opening keeps the store from
// waiting at a FIFO; the comparison after it tells whether it was exchanged.
func (s *Sealed) readRaw(file string) ([]byte, error) {
	named, err := s.root.Lstat(file)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(s.path, file)
	if !named.Mode().IsRegular() || named.Size() > int64(maxFileSize) {
		return nil, fmt.Errorf("%s is no regular file, or larger than any record: %w", path, ErrKey)
	}
	f, err := s.root.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	if opened, err := f.Stat(); err != nil || !os.SameFile(named, opened) {
		return nil, errors.Join(fmt.Errorf("%s was exchanged while it was opened: %w", path, ErrKey), err)
	}
	raw, err := io.ReadAll(io.LimitReader(f, int64(maxFileSize)+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return raw, nil
}

// write makes file hold data, durably: after a crash at any step it is the old
// file or the new one, whole.
func (s *Sealed) write(file string, data []byte) (err error) {
	temp := tempName()
	defer func() {
		if err != nil {
			_ = s.root.Remove(temp) // the write's own error is the one to report, and Open sweeps
		}
	}()
	// 1. The new content reaches the disk under another name.
	if err := s.fill(temp, data); err != nil {
		return err
	}
	// 2. It takes the place of the old one in one step.
	if err := s.fail("rename"); err != nil {
		return err
	}
	if err := s.root.Rename(temp, file); err != nil {
		return err
	}
	// 3. The step itself reaches the disk.
	return s.syncDir()
}

// fill makes a new file of data and waits until the disk has it.
func (s *Sealed) fill(file string, data []byte) error {
	if err := s.fail("create"); err != nil {
		return err
	}
	f, err := s.root.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = s.fail("sync")
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes the names in the directory durable.
func (s *Sealed) syncDir() error {
	if err := s.fail("syncdir"); err != nil {
		return err
	}
	return SyncDir(s.path)
}

// files lists the files that are named like records, sorted.
func (s *Sealed) files() ([]string, error) {
	return s.filesThat(func(e fs.DirEntry) bool { return isRecord(e.Name()) })
}

func (s *Sealed) filesThat(are func(e fs.DirEntry) bool) ([]string, error) {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("store: list %s: %w", s.path, err)
	}
	var files []string
	for _, e := range entries {
		if are(e) {
			files = append(files, e.Name())
		}
	}
	return files, nil
}

// recordName returns the name of the record in a file, reading no more of it
// than needed and believing it only if it belongs to the file's own name.
func (s *Sealed) recordName(file string) (string, bool) {
	if name, ok := nameOf(file); ok {
		return name, true
	}
	raw, err := s.readRaw(file)
	if err != nil {
		return "", false
	}
	h, err := decodeHeader(raw)
	return h.name, err == nil && fileOf(h.name) == file
}

// sweep removes what crashes left of unfinished writes.
func (s *Sealed) sweep() error {
	files, err := s.filesThat(func(e fs.DirEntry) bool { return isTemp(e.Name()) && e.Type().IsRegular() })
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := s.root.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("store: remove an unfinished write: %w", err)
		}
	}
	return nil
}

func tempName() string { return tempPrefix + rand.Text() + tempSuffix }
