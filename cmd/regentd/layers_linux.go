package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"regent/platform/peer"
)

// writableByRootOnly returns an error if another user than root could have written or
// replaced a file or a directory of managed policy.
func writableByRootOnly(name string, _ fs.FileInfo) error {
	_, err := checkWriters(name, peer.TrustedWriters{UIDs: []uint32{0}, AllowSticky: true}, ", so it is ignored")
	return err
}

// checkOwnWriters returns an error if a user other than root and the daemon's user could
// have written or replaced a file or a directory. Such a user could send the registration
// token to any server. If a group could, that is a warning.
func checkOwnWriters(name string) ([]permissionWarning, error) {
	return checkWriters(name, peer.DefaultWriters(), "")
}

// checkWriters returns an error if somebody outside k may write or replace name, and
// warnings about groups. The error does not contain name.
func checkWriters(name string, k peer.TrustedWriters, consequence string) (all []permissionWarning, err error) {
	full, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	say := func(d *peer.UntrustedPath) string {
		if d.Path == full {
			return d.Reason + consequence + "; run: " + d.FixCommand
		}
		return "is reached by " + d.Path + ", which " + d.Reason + consequence + "; run: " + d.FixCommand
	}
	found, err := peer.CheckPath(full, k)
	for _, d := range found {
		all = append(all, permissionWarning{d.Path, say(d)})
	}
	if d, ok := errors.AsType[*peer.UntrustedPath](err); ok {
		return all, errors.New(say(d))
	}
	if _, missing := os.Stat(name); missing != nil {
		return all, missing
	}
	return all, err
}
