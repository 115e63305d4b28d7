package filewatch

import (
	"io/fs"
	"os"
	"path/filepath"

	"regent/platform/files"
)

// isReliable reports whether the system reports every change of paths to a watcher of the
// nearest existing directories. Only this machine's kernel may change their file systems,
// and no other name may lead to the directories or to a file in them. Then no checks at short
// intervals are needed. Three kinds of change are still not reported: later mounts and links
// there, a rename of a directory above, and writing through a mapping of the file.
func isReliable(paths ...string) bool {
	for _, path := range paths {
		if !isReliableDir(nearestDir(filepath.Dir(path))) || !isReliableFile(path) {
			return false
		}
	}
	return true
}

// isReliableDir reports whether no part of dir's path is a link, which could be changed.
func isReliableDir(dir string) bool {
	resolved, err := filepath.EvalSymlinks(dir)
	return err == nil && resolved == filepath.Clean(dir) && isLocalFileSystem(dir)
}

// isReliableFile reports whether a file has no other name, through which it could change.
func isReliableFile(path string) bool {
	info, err := os.Lstat(path)
	switch {
	case os.IsNotExist(err):
		return true
	case err != nil:
		return false
	case info.IsDir():
		return isReliableDir(path) && areReliableEntries(path)
	}
	return isReliableInfo(path, info)
}

// isReliableInfo reports whether info is of a file with one name, and without a mount on it.
func isReliableInfo(path string, info fs.FileInfo) bool {
	_, names := files.Links(info)
	return info.Mode().IsRegular() && names == 1 && isSameMount(path, filepath.Dir(path))
}

func areReliableEntries(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.IsDir() && !isReliableInfo(filepath.Join(dir, e.Name()), info) {
			return false
		}
	}
	return true
}
