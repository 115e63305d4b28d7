package keyring

import "io/fs"

// syncDir does nothing: Windows flushes no directory, and NTFS keeps its names
// in a journal of its own.
func syncDir(string) error { return nil }

// isOpenToOthers is false: modes mean nothing here. The access list of the state
// directory, which the package sets, is what keeps others out.
func isOpenToOthers(fs.FileInfo) bool { return false }
