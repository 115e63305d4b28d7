package main

import (
	"errors"
	"io/fs"
)

// writableByRootOnly refuses managed policy: regentd does not start on this system.
func writableByRootOnly(string, fs.FileInfo) error { return errors.ErrUnsupported }

// checkOwnWriters refuses every file.
func checkOwnWriters(string) ([]permissionWarning, error) { return nil, errors.ErrUnsupported }
