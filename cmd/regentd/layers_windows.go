package main

import (
	"io/fs"

	"regent/platform/mdm"
)

// writableByRootOnly says who else than administrators could have written what
// is at name, or nil. Managed policy on Windows is in the registry, below keys
// that only administrators can write; this is for a directory that a person
// names.
func writableByRootOnly(name string, _ fs.FileInfo) error { return mdm.CheckAdministratorsOnly(name) }

// readableByAll accepts everything: a file's modes say nothing here, and the
// directory of the daemon is not readable by others.
func readableByAll(string, fs.FileInfo) error { return nil }

// checkOwnWriters says nothing yet: who may write is in access control lists.
func checkOwnWriters(string) ([]permissionWarning, error) { return nil, nil }
