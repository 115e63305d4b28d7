package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// writableByRootOnly says why others than root could have written a file or a
// directory, or put something else in its place, or nil.
func writableByRootOnly(name string, _ fs.FileInfo) error {
	for path := name; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		sticky := path != name && info.Mode()&fs.ModeSticky != 0 // others can then only add to it
		if !ok || owner.Uid != 0 || info.Mode().Perm()&0o022 != 0 && !sticky {
			return fmt.Errorf("is ignored: others than root can write or exchange %s; run: chown root %[1]s; chmod go-w %[1]s", path)
		}
		if path == filepath.Dir(path) {
			return nil
		}
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
