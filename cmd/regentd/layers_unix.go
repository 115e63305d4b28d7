//go:build unix

package main

import (
	"errors"
	"io/fs"
)

// readableByAll returns an error if every user may read the secret at path.
func readableByAll(path string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o007 != 0 {
		return errors.New("is readable by every user; run: chmod o-rwx " + path)
	}
	return nil
}
