package filewatch

import (
	"io/fs"
	"os"
	"path/filepath"

	"regent/platform/files"
)

// isReliable reports whether the system reports every change of what paths name to
// whoever watches the nearest directories that exist: each of those is on a file
// system that only this machine's kernel changes, and no other name leads to it
// or to a file there. Then nobody needs to look again and again. What remains
// unheard until somebody looks: what is mounted, unmounted or linked to there later,
// a directory above that is renamed, and writing through a mapping of the file.
func isReliable(paths ...string) bool {
	for _, path := range paths {
		if !isReliableDir(nearestDir(filepath.Dir(path))) || !isReliableFile(path) {
			return false
		}
	}
	return true
}

// isReliableDir: no part of its path is a link, which somebody could point elsewhere.
func isReliableDir(dir string) bool {
	resolved, err := filepath.EvalSymlinks(dir)
	return err == nil && resolved == filepath.Clean(dir) && isLocalFileSystem(dir)
}

// isReliableFile: what has another name can be changed under that.
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

// isReliableInfo: it is a file, by one name, and not another one mounted in its place.
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
