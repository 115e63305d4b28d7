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

// read reads and decrypts a record's file. The error wraps [ErrKey] if it is no regular file
// or cannot be decrypted, and [fs.ErrNotExist] if it is missing.
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

// readRaw reads a regular file. It checks the type before it opens the file, since a FIFO
// would block. It then compares both files, in case somebody replaced the file meanwhile.
func (s *Sealed) readRaw(file string) ([]byte, error) {
	named, err := s.root.Lstat(file)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(s.path, file)
	if !named.Mode().IsRegular() || named.Size() > int64(maxFileSize) {
		return nil, fmt.Errorf("%s is not a regular file, or larger than any record: %w", path, ErrKey)
	}
	f, err := s.root.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	if opened, err := f.Stat(); err != nil || !os.SameFile(named, opened) {
		return nil, errors.Join(fmt.Errorf("%s was replaced while the store opened it: %w", path, ErrKey), err)
	}
	raw, err := io.ReadAll(io.LimitReader(f, int64(maxFileSize)+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return raw, nil
}

// write replaces the content of file, durably. After a crash at any step, the file has the
// complete old or the complete new content.
func (s *Sealed) write(file string, data []byte) (err error) {
	temp := tempName()
	defer func() {
		if err != nil {
			_ = s.root.Remove(temp) // report the error of the write; Open removes the rest
		}
	}()
	// 1. The new content reaches the disk under another name.
	if err := s.fill(temp, data); err != nil {
		return err
	}
	// 2. It replaces the old content in one step.
	if err := s.fail("rename"); err != nil {
		return err
	}
	if err := s.root.Rename(temp, file); err != nil {
		return err
	}
	// 3. The renaming reaches the disk.
	return s.syncDir()
}

// fill creates a file with data and waits until it is on the disk.
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

// syncDir makes the file names in the directory durable.
func (s *Sealed) syncDir() error {
	if err := s.fail("syncdir"); err != nil {
		return err
	}
	return SyncDir(s.path)
}

// files returns the files with names of records, sorted.
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

// recordName returns the name of the record in a file. It reads the file only if needed,
// and checks that the record's name matches the file's name.
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

// sweep removes the temporary files of unfinished writes.
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
