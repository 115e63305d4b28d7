package filewatch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// watchNearest watches the nearest directory to dir that exists, and returns which
// that is. A directory made in the meantime was made unheard, so it looks again.
func watchNearest(events *fsnotify.Watcher, dir string) (at string, _ error) {
	for next := nearestDir(dir); next != at; next = nearestDir(dir) {
		at = next
		// Added even when it is watched: a directory that was replaced needs a
		// new watch.
		if err := events.Add(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return at, err
		}
	}
	return at, nil
}

// nearestDir returns the closest directory above dir that exists, dir included.
func nearestDir(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return dir
		}
		dir = up
	}
}
