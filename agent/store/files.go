package store

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	raw := make([]byte, named.Size()+1) // one more shows that the file did not grow
	n, err := io.ReadFull(f, raw)
	if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", path, cmp.Or(err, errors.New("it grew meanwhile")))
	}
	return raw[:n], nil
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
func (s *Sealed) files() ([]string, error) { return s.filesThat(isRecord) }

// filesThat returns the sorted names of some files. It reads only names: a start lists the
// directory several times.
func (s *Sealed) filesThat(are func(name string) bool) ([]string, error) {
	names, err := s.fileNames()
	if err != nil {
		return nil, fmt.Errorf("store: list %s: %w", s.path, err)
	}
	files := slices.DeleteFunc(names, func(name string) bool { return !are(name) })
	slices.Sort(files)
	return files, nil
}

func (s *Sealed) fileNames() ([]string, error) {
	dir, err := s.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close() //nolint:errcheck // opened for reading only
	return dir.Readdirnames(-1)
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
	files, err := s.filesThat(isTemp)
	if err != nil {
		return err
	}
	for _, file := range files {
		if named, err := s.root.Lstat(file); err != nil || !named.Mode().IsRegular() {
			continue
		}
		if err := s.root.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("store: remove an unfinished write: %w", err)
		}
	}
	return nil
}

func tempName() string { return tempPrefix + rand.Text() + tempSuffix }
