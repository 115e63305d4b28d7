package device

import "io/fs"

// checkWriter is content: the access list of the directory keeps others out.
func checkWriter(fs.FileInfo) error { return nil }
