// Package files replaces files in one step, and reads their owners and access rights.
//
// Write replaces a file. ModeAccess and ParseACL read owners, modes and POSIX access lists,
// AccessList those of Windows. FileExposures and PipeExposures compare an installation with
// the lists in platform/layout.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Write writes a file with this content and mode, and replaces one at path. A reader finds
// either the old content or the new one, also after a crash. Write creates a temporary file
// in the same directory with mode 0600, syncs it, and renames it. On Windows the file gets
// its access from the directory. It does not replace a device, a FIFO or a directory, nor a
// link to one.
func Write(path string, content []byte, mode fs.FileMode) error {
	if !replaceable(path) {
		return writeError(path, errors.New("not a regular file"))
	}
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

// replaceable reports whether path is free or a regular file. If root replaced /dev/stdout or
// /dev/null, no other program could use it any more. /dev/stdout is a link into /proc.
func replaceable(path string) bool {
	if target, err := os.Readlink(path); err == nil && strings.HasPrefix(target, "/proc/") {
		return false
	}
	i, err := os.Stat(path)
	return err != nil || i.Mode().IsRegular()
}

// writeError names the file instead of the temporary file.
func writeError(path string, err error) error { return fmt.Errorf("write %s: %w", path, TrimPath(err)) }

// TrimPath returns err without the operation and the path that package os adds.
func TrimPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

// ReadRegular returns the content of a file of at most most bytes. look returns the file
// info of path like [os.Lstat], or an error if owner or mode are wrong. ReadRegular returns
// an error if the opened file is not the one that look saw. It does not wait for a FIFO.
// Errors do not contain the path.
func ReadRegular(path string, most int64, look func(path string) (fs.FileInfo, error)) (content []byte, err error) {
	defer func() { err = TrimPath(err) }()
	seen, err := look(path)
	if err != nil {
		return nil, err
	}
	if !seen.Mode().IsRegular() {
		return nil, errors.New("is not a regular file; replace it by a regular file")
	}
	f, err := os.Open(path) //nolint:gosec // the caller's own path
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	if opened, err := f.Stat(); err != nil || !os.SameFile(seen, opened) {
		return nil, errors.New("was replaced while it was opened; try again")
	}
	content, err = io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(content)) > most {
		return nil, fmt.Errorf("has more than %d bytes; check its content", most)
	}
	return content, err
}

// Sync waits until the content of the file at path is on the disk.
func Sync(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // the caller's own file
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
