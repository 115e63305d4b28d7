package filewatch

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Sure reports whether the system reports every change of what paths name to
// whoever watches the nearest directories that exist: each of those is on a file
// system that only this machine's kernel changes, and no other name leads to it
// or to a file there. Then nobody needs to look again and again. What remains
// unheard until somebody looks: what is mounted, unmounted or linked to there later,
// a directory above that is renamed, and writing through a mapping of the file.
func Sure(paths ...string) bool {
	for _, path := range paths {
		if !sureDir(nearest(filepath.Dir(path))) || !sureFile(path) {
			return false
		}
	}
	return true
}

// sureDir: no part of its path is a link, which somebody could point elsewhere.
func sureDir(dir string) bool {
	resolved, err := filepath.EvalSymlinks(dir)
	return err == nil && resolved == filepath.Clean(dir) && localFileSystem(dir)
}

// sureFile: what has another name can be changed under that.
func sureFile(path string) bool {
	info, err := os.Lstat(path)
	switch {
	case os.IsNotExist(err):
		return true
	case err != nil:
		return false
	case info.IsDir():
		return sureDir(path) && sureEntries(path)
	}
	return sureInfo(path, info)
}

// sureInfo: it is a file, by one name, and not another one mounted in its place.
func sureInfo(path string, info fs.FileInfo) bool {
	return info.Mode().IsRegular() && links(info) == 1 && sameMount(path, filepath.Dir(path))
}

func sureEntries(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.IsDir() && !sureInfo(filepath.Join(dir, e.Name()), info) {
			return false
		}
	}
	return true
}
