// Package files writes files whole and reads who may use them.
//
// Write replaces a file in one step. ModeAccess and ParseACL read owners, modes and
// POSIX access lists, AccessList those of Windows. FileExposures and PipeExposures
// compare what an installation has with the lists in platform/layout.
package files

import (
	"errors"
	"fmt"
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
func writeError(path string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("write %s: %w", path, err)
}

// Sync waits until the disk has the content of the file at path.
func Sync(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // the caller's own file
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
