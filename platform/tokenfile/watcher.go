package tokenfile

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"regent/platform/filewatch"
)

// Deps is what a Watcher needs.
type Deps struct {
	// Paths returns the files to watch for, absolute. It is asked again at every
	// look, so it may change with the configuration.
	Paths func() []string
	// OnFile is told of a file at path that is no longer being written. An
	// error has it told again at a later look; nil settles the matter until
	// the file changes. Errors that are ErrMissing, ErrEmpty, ErrNotPermitted,
	// ErrBusy or ErrAwaitingRemoval are not worth a report.
	OnFile func(ctx context.Context, path string) error
	Now    func() time.Time // any clock that only moves on
	Log    *slog.Logger
}

// Watcher watches for files that appear at any time, in directories that may
// themselves come, go and come again.
type Watcher struct {
	*filewatch.Watcher
	onFile func(ctx context.Context, path string) error
	now    func() time.Time
	files  map[string]*fileState
}

// NewWatcher returns a watcher.
func NewWatcher(d Deps) *Watcher {
	w := &Watcher{onFile: d.OnFile, now: d.Now, files: map[string]*fileState{}}
	w.Watcher = filewatch.New(filewatch.Options{Paths: d.Paths, FilesOnly: true, Look: w.checkFiles, Log: d.Log})
	return w
}

// checkFiles checks every path once, and returns the time of the next check: soon for a
// file that may still be written, and often while a file waits.
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
			info = nil // nothing is there, or nothing that this process may see
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

// isExpected reports whether err is the state of a file, and no fault.
func isExpected(err error) bool {
	return slices.ContainsFunc([]error{ErrMissing, ErrEmpty, ErrNotPermitted, ErrBusy, ErrAwaitingRemoval}, func(state error) bool { return errors.Is(err, state) })
}

// isComplete reports whether a file that kept still so long is not being written any
// more. Nobody writes on a read-only mount. Who writes is not known everywhere.
func isComplete(path string, kept time.Duration) bool {
	switch {
	case kept >= SettleTimeUnknownWriter, IsReadOnly(path):
		return true
	case kept < SettleTime:
		return false
	}
	return canDetectWriters(path)
}
