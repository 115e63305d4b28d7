package tokenfile

import (
	"context"
	"path/filepath"

	"github.com/fsnotify/fsnotify"

	"regent/platform/filewatch"
)

// watchDirs has the system report changes where the paths are, or would be: in
// each one's directory or, while there is none, in the nearest that exists.
func (w *Watcher) watchDirs(ctx context.Context, events *fsnotify.Watcher) {
	if events == nil {
		return
	}
	wanted := map[string]bool{}
	var deaf error
	paths := w.Paths()
	w.watchedPaths.Store(&paths)
	for _, path := range paths {
		dir, err := filewatch.WatchNearest(events, filepath.Dir(path))
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
	w.reportWatchError(ctx, deaf)
	w.reliable = filewatch.IsReliable(paths...)
}

// isRelevant reports whether a change of name can matter to one of the paths: it
// is the path or one of the directories above it.
func (w *Watcher) isRelevant(name string) bool {
	for _, path := range *w.watchedPaths.Load() {
		if below, err := filepath.Rel(name, path); err == nil && filepath.IsLocal(below) {
			return true
		}
	}
	return false
}

// reportWatchError reports, once per cause, that looking every Poll is all there is.
func (w *Watcher) reportWatchError(ctx context.Context, err error) {
	cause := ""
	if err != nil {
		cause = err.Error()
	}
	if cause != "" && cause != w.watchErr {
		w.Log.WarnContext(ctx, "the system reports no file changes, looking at intervals", "err", err, "interval", w.Poll)
	}
	w.watchErr = cause
}
