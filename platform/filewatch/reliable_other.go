//go:build !linux

package filewatch

// isLocalFileSystem returns false: only Linux was measured, and more checks are safer.
func isLocalFileSystem(string) bool { return false }

func isSameMount(string, string) bool { return false }
