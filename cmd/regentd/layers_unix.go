//go:build unix

package main

import (
	"errors"
	"io/fs"
)

// readableByAll says that every user may read the secret at path, or nil.
func readableByAll(path string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o007 != 0 {
		return errors.New("may be read by every user; run: chmod o-rwx " + path)
	}
	return nil
}
