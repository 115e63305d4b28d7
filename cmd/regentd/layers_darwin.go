package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// writableByRootOnly says why others than root could have written what info is
// of, or put something else in its place, or nil.
func writableByRootOnly(name string, info fs.FileInfo) error {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("[unexpected] the system does not tell the owner")
	}
	if owner.Uid != 0 {
		return fmt.Errorf("does not belong to root, so it is ignored; run: chown root %s", name)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("is writable by others than root, so it is ignored; run: chmod go-w %s", name)
	}
	if info.IsDir() {
		return replaceableByRootOnly(filepath.Dir(name))
	}
	return nil
}

// replaceableByRootOnly says which of dir and the directories above it lets
// others than root exchange what is in it, or nil.
func replaceableByRootOnly(dir string) error {
	for {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		sticky := info.Mode()&fs.ModeSticky != 0 // others can then only add to it
		if !ok || owner.Uid != 0 || info.Mode().Perm()&0o022 != 0 && !sticky {
			return fmt.Errorf("is in %s, where others than root can exchange it, so it is ignored; run: chown root %[1]s; chmod go-w %[1]s", dir)
		}
		above := filepath.Dir(dir)
		if above == dir {
			return nil
		}
		dir = above
	}
}

// checkOwnWriters says why a user who is neither root nor whom the daemon runs as could
// have written a file or a directory. The way to it is looked at on Linux alone.
func checkOwnWriters(name string) ([]permissionWarning, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return nil, errors.New("[unexpected] the system does not tell the owner")
	case owner.Uid != 0 && int(owner.Uid) != os.Getuid():
		return nil, fmt.Errorf("belongs to uid %d, who is neither root nor the daemon's user; run: chown root %s", owner.Uid, name)
	case info.Mode().Perm()&0o002 != 0:
		return nil, fmt.Errorf("may be written by every user; run: chmod o-w %s", name)
	}
	return nil, nil
}
