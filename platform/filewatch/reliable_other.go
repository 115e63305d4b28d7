//go:build !linux

package filewatch

// isLocalFileSystem is for Linux alone: elsewhere an idle device was not measured,
// and looking now and then is the safer way.
func isLocalFileSystem(string) bool { return false }

func isSameMount(string, string) bool { return false }
