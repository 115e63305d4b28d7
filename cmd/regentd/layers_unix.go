//go:build unix

package main

import (
	"errors"
	"io/fs"
	"syscall"
)

// writableByRootOnly says why others than root could have written what info is
// of, or nil.
func writableByRootOnly(info fs.FileInfo) error {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("[unexpected] the system does not tell the owner")
	}
	if owner.Uid != 0 {
		return errors.New("does not belong to root, so it is ignored; run: chown root")
	}
	if info.Mode().Perm()&0o022 != 0 {
		return errors.New("is writable by others than root, so it is ignored; run: chmod go-w")
	}
	return nil
}
