//go:build unix

package keyring

import (
	"errors"
	"io/fs"
	"os"
)

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the state directory, which the daemon was given
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// isOpenToOthers reports whether group or others have any right to the file.
func isOpenToOthers(i fs.FileInfo) bool { return i.Mode().Perm()&0o077 != 0 }
