//go:build unix

package main

import "io/fs"

// othersMayRead reports whether users beside the owner may read the file.
func othersMayRead(mode fs.FileMode) bool { return mode.Perm()&0o077 != 0 }
