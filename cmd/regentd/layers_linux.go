package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"regent/platform/peer"
)

// writableByRootOnly says why others than root could have written a file or a
// directory of managed policy, or put something else in its place, or nil.
func writableByRootOnly(name string, _ fs.FileInfo) error {
	_, err := checkWriters(name, peer.TrustedWriters{UIDs: []uint32{0}, AllowSticky: true}, ", so it is ignored")
	return err
}

// checkOwnWriters says why a user who is neither root nor whom the daemon runs as could
// have written a file or a directory, or put something else in its place: the
// error. Who writes the configuration has the registration token sent where they
// like. That a group could is only a doubt.
func checkOwnWriters(name string) ([]permissionWarning, error) {
	return checkWriters(name, peer.DefaultWriters(), "")
}

// checkWriters are said of name, which somebody who keeps nothing may write. The error
// does not name it.
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
	told, err := peer.CheckPath(full, k)
	for _, d := range told {
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
