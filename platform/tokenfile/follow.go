package tokenfile

import (
	"context"
	"path/filepath"

	"github.com/fsnotify/fsnotify"

	"regent/platform/filewatch"
)

// follow has the system report changes where the paths are, or would be: in
// each one's directory or, while there is none, in the nearest that exists.
func (w *Watcher) follow(ctx context.Context, events *fsnotify.Watcher) {
	if events == nil {
		return
	}
	wanted := map[string]bool{}
	var deaf error
	paths := w.Paths()
	w.followed.Store(&paths)
	for _, path := range paths {
		dir, err := filewatch.Listen(events, filepath.Dir(path))
		if err != nil {
			deaf = err
		}
		wanted[dir] = true
	}
	for _, dir := range events.WatchList() {
		if !wanted[dir] {
			events.Remove(dir) //nolint:errcheck,gosec // it may have gone, and its watch with it
		}
	}
	w.goDeaf(ctx, deaf)
	w.sure = filewatch.Sure(paths...)
}

// concerns reports whether a change of name can matter to one of the paths: it
// is the path or one of the directories above it.
func (w *Watcher) concerns(name string) bool {
	for _, path := range *w.followed.Load() {
		if below, err := filepath.Rel(name, path); err == nil && filepath.IsLocal(below) {
			return true
		}
	}
	return false
}

// goDeaf reports, once per cause, that looking every Poll is all there is.
func (w *Watcher) goDeaf(ctx context.Context, err error) {
	cause := ""
	if err != nil {
		cause = err.Error()
	}
	if cause != "" && cause != w.deaf {
		w.Log.WarnContext(ctx, "the system reports no file changes, looking at intervals", "err", err, "interval", w.Poll)
	}
	w.deaf = cause
}
