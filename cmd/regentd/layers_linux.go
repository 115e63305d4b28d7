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
	_, err := doubts(name, peer.Writers{UIDs: []uint32{0}, Sticky: true}, ", so it is ignored")
	return err
}

// strangers says why a user who is neither root nor whom the daemon runs as could
// have written a file or a directory, or put something else in its place: the
// error. Who writes the configuration has the registration token sent where they
// like. That a group could is only a doubt.
func strangers(name string) ([]doubt, error) {
	return doubts(name, peer.OwnWriters(), "")
}

// doubts are said of name, which somebody who keeps nothing may write. The error
// does not name it.
func doubts(name string, k peer.Writers, consequence string) (all []doubt, err error) {
	full, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	say := func(d *peer.Doubt) string {
		if d.Path == full {
			return d.Why + consequence + "; run: " + d.Command
		}
		return "is reached by " + d.Path + ", which " + d.Why + consequence + "; run: " + d.Command
	}
	told, err := peer.Doubts(full, k)
	for _, d := range told {
		all = append(all, doubt{d.Path, say(d)})
	}
	if d, ok := errors.AsType[*peer.Doubt](err); ok {
		return all, errors.New(say(d))
	}
	if _, missing := os.Stat(name); missing != nil {
		return all, missing
	}
	return all, err
}
