package tokenfile

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"regent/platform/filewatch"
)

// Deps are the dependencies of a Watcher.
type Deps struct {
	// Paths returns the absolute paths to watch. It is called at each check, so the
	// paths may change with the configuration.
	Paths func() []string
	// OnFile is called for a complete file at path. After an error it is called again at
	// a later check. After nil it is called again only if the file changes. ErrMissing,
	// ErrEmpty, ErrNotPermitted, ErrBusy and ErrAwaitingRemoval are not logged.
	OnFile func(ctx context.Context, path string) error
	Now    func() time.Time // a monotonic clock
	Log    *slog.Logger
}

// Watcher watches for files. They can appear at any time, and their directories can be
// deleted and created again.
type Watcher struct {
	*filewatch.Watcher
	onFile func(ctx context.Context, path string) error
	now    func() time.Time
	files  map[string]*fileState
}

// NewWatcher returns a watcher. Its Run method watches.
func NewWatcher(d Deps) *Watcher {
	w := &Watcher{onFile: d.OnFile, now: d.Now, files: map[string]*fileState{}}
	w.Watcher = filewatch.New(filewatch.Options{Paths: d.Paths, FilesOnly: true, Look: w.checkFiles, Log: d.Log})
	return w
}

// checkFiles checks every path once, and returns the time until the next check. That is
// short for a file that may still be written, and while a file waits.
func (w *Watcher) checkFiles(ctx context.Context, _ bool) (again time.Duration) {
	paths := w.Paths()
	for path := range w.files {
		if !slices.Contains(paths, path) {
			delete(w.files, path)
		}
	}
	soon := false
	for _, path := range paths {
		s := w.files[path]
		if s == nil {
			s = &fileState{}
			w.files[path] = s
		}
		info, err := lstat(path)
		if err != nil {
			info = nil // nothing is there, or this process may not see it
		}
		switch s.observe(info, w.now(), func(kept time.Duration) bool { return isComplete(path, kept) }) {
		case actionSettle:
			soon = true
		case actionDeliver:
			if w.deliver(ctx, path, s); !s.done {
				again = filewatch.Poll
			}
		case actionNone:
		}
	}
	if soon {
		again = filewatch.Settle
	}
	return again
}

func (w *Watcher) deliver(ctx context.Context, path string, s *fileState) {
	err := w.onFile(ctx, path)
	if ctx.Err() != nil {
		return
	}
	news := s.recordDelivery(err)
	if news && !isExpected(err) {
		w.Log.WarnContext(ctx, "the registration token file was not sealed", "path", path, "err", err)
	}
}

// isExpected reports whether err is a normal state of a file.
func isExpected(err error) bool {
	return slices.ContainsFunc([]error{ErrMissing, ErrEmpty, ErrNotPermitted, ErrBusy, ErrAwaitingRemoval}, func(state error) bool { return errors.Is(err, state) })
}

// isComplete reports whether a file that has not changed for kept is complete. A read-only
// mount has no writers. Some systems do not report writers.
func isComplete(path string, kept time.Duration) bool {
	switch {
	case kept >= SettleTimeUnknownWriter, IsReadOnly(path):
		return true
	case kept < SettleTime:
		return false
	}
	return canDetectWriters(path)
}
