package main

import (
	"io/fs"

	"regent/platform/mdm"
)

// writableByRootOnly returns an error if somebody other than administrators could have
// written the file or directory at name. It is for a directory that a person names: managed
// policy on Windows is in registry keys that only administrators can write.
func writableByRootOnly(name string, _ fs.FileInfo) error { return mdm.CheckAdministratorsOnly(name) }

// readableByAll accepts every file. File modes have no meaning here, and other users cannot
// read the daemon's directory.
func readableByAll(string, fs.FileInfo) error { return nil }

// checkOwnWriters accepts every file: it does not read access control lists yet.
func checkOwnWriters(string) ([]permissionWarning, error) { return nil, nil }
