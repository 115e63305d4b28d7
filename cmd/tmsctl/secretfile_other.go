//go:build !unix

package main

import "io/fs"

// othersMayRead says no: modes tell nothing here.
func othersMayRead(fs.FileMode) bool { return false }
