// Package files writes files whole and reads who may use them.
//
// Write replaces a file in one step. ModeAccess and ParseACL read owners, modes and
// POSIX access lists, AccessList those of Windows. FileExposures and PipeExposures
// compare what an installation has with the lists in platform/layout.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write makes a file of this content and mode, in place of one at path. Whoever reads
// it finds the old content or the new one, also after a crash: the content is on the
// disk before the file gets its name. It is written under another name in the same
// directory, with mode 0600 at first. On Windows the directory gives it its access.
func Write(path string, content []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return writeError(path, err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(writeError(path, err), os.Remove(f.Name()))
	}
	return SyncDir(filepath.Dir(path))
}

// writeError names the file, and not the other name under which it is written.
func writeError(path string, err error) error { return fmt.Errorf("write %s: %w", path, TrimPath(err)) }

// TrimPath returns err without the operation and the path that package os puts before it.
func TrimPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

// ReadRegular returns the content of a file of at most that many bytes. look returns the
// info of path like [os.Lstat], or an error if owner or mode are wrong. ReadRegular reads
// the same file that look saw. It does not wait for a pipe. Errors do not name the file.
func ReadRegular(path string, most int64, look func(path string) (fs.FileInfo, error)) (content []byte, err error) {
	defer func() { err = TrimPath(err) }()
	seen, err := look(path)
	if err != nil {
		return nil, err
	}
	if !seen.Mode().IsRegular() {
		return nil, errors.New("is not a regular file; put what it holds into one")
	}
	f, err := os.Open(path) //nolint:gosec // the caller's own path
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	if opened, err := f.Stat(); err != nil || !os.SameFile(seen, opened) {
		return nil, errors.New("was exchanged while it was opened; try again")
	}
	content, err = io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(content)) > most {
		return nil, fmt.Errorf("has more than %d bytes; look what was written there", most)
	}
	return content, err
}

// Sync waits until the disk has the content of the file at path.
func Sync(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // the caller's own file
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
