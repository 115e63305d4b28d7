//go:build unix

package files

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// SyncDir waits until the names in a directory are on the disk. It returns nil if this
// process may not list the directory, or if the file system does not support the call. Then
// the system writes the names later.
func SyncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the caller's own directory
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
