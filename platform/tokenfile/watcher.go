package tokenfile

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"

	"regent/platform/filewatch"
)

// Deps is what a Watcher needs.
type Deps struct {
	// Paths returns the files to watch for, absolute. It is asked again at
	// every look, so it may change with the configuration.
	// With a change Look is called.
	Paths func() []string
	// OnFile is told of a file at path that is no longer being written. An
	// error has it told again at a later look; nil settles the matter until
	// the file changes. Errors that are ErrMissing, ErrEmpty, ErrNotPermitted,
	// ErrBusy or ErrAwaitingRemoval are not worth a report.
	OnFile       func(ctx context.Context, path string) error
	Now          func() time.Time // any clock that only moves on
	Log          *slog.Logger
	Poll         time.Duration // longest time between two looks; 0 is 5 s
	WatchedPoll  time.Duration // the same while the system reports changes and no file waits; 0 is 10 s, and at least Poll
	ReliablePoll time.Duration // the same where it is known to report every change; 0 is 5 minutes, and at least Rest
	Settle       time.Duration // time between two looks at a file that may still be written; 0 is 200 ms
}

// Watcher watches for files that appear at any time, in directories that may
// themselves come, go and come again.
type Watcher struct {
	Deps
	files        map[string]*fileState
	watchErr     string                   // why the system reports no changes; "" if it does
	reliable     bool                     // it reports every one
	checkNow     chan struct{}            // Look was called
	watchedPaths atomic.Pointer[[]string] // the paths, as of the last look; for pump
}

// NewWatcher returns a watcher.
func NewWatcher(d Deps) (*Watcher, error) {
	if d.Paths == nil || d.OnFile == nil || d.Now == nil || d.Log == nil {
		return nil, errors.New("tokenfile: Paths, OnFile, Now and Log are all needed")
	}
	if d.Poll == 0 {
		d.Poll = 5 * time.Second
	}
	if d.Settle == 0 {
		d.Settle = 200 * time.Millisecond
	}
	if d.WatchedPoll == 0 {
		d.WatchedPoll = 10 * time.Second
	}
	d.WatchedPoll = max(d.WatchedPoll, d.Poll)
	if d.ReliablePoll == 0 {
		d.ReliablePoll = 5 * time.Minute
	}
	d.ReliablePoll = max(d.ReliablePoll, d.WatchedPoll)
	if d.Settle > d.Poll {
		return nil, errors.New("tokenfile: settle must be at most poll: " + d.Settle.String() + " > " + d.Poll.String())
	}
	return &Watcher{Deps: d, files: map[string]*fileState{}, checkNow: make(chan struct{}, 1)}, nil
}

// CheckNow has Run look again at once. It is safe for concurrent use.
func (w *Watcher) CheckNow() {
	select {
	case w.checkNow <- struct{}{}:
	default: // a look is already due
	}
}

// Run watches until ctx is done and returns its error. It looks at once, then
// when the system reports a change, and anyway every Poll, Rest or Trust, since no
// system reports every change on every file system. It may be called once.
func (w *Watcher) Run(ctx context.Context) error {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		w.reportWatchError(ctx, err)
		return w.loop(ctx, nil, nil)
	}
	told := make(chan struct{}, 1)
	var pump sync.WaitGroup
	pump.Go(func() { filewatch.Forward(events, w.isRelevant, told) })
	err = w.loop(ctx, events, told)
	_ = events.Close() // nothing follows that an error could spoil
	pump.Wait()
	return err
}

// loop looks again and again. events is nil where the system reports nothing.
func (w *Watcher) loop(ctx context.Context, events *fsnotify.Watcher, told <-chan struct{}) error {
	for {
		w.watchDirs(ctx, events)
		soon, waits := w.checkFiles(ctx)
		if err := w.wait(ctx, told, w.nextInterval(soon, waits, events != nil && w.watchErr == "", w.reliable)); err != nil {
			return err
		}
	}
}

// nextInterval returns when to look again if nothing is reported.
func (w *Watcher) nextInterval(soon, waits, hears, all bool) time.Duration {
	switch {
	case soon:
		return w.Settle
	case waits || !hears:
		return w.Poll
	case all:
		return w.ReliablePoll
	}
	return w.WatchedPoll
}

// wait returns after nap, or Settle after a change was reported: that is what
// makes two equal looks mean something.
func (w *Watcher) wait(ctx context.Context, told <-chan struct{}, nap time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(nap):
		return nil
	case <-w.checkNow:
		return nil
	case <-told:
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(w.Settle):
		return nil
	}
}

// checkFiles looks at every path once, and reports whether to look again soon, and
// whether a file that is there waits to be taken.
func (w *Watcher) checkFiles(ctx context.Context) (soon, waits bool) {
	paths := w.Paths()
	for path := range w.files {
		if !slices.Contains(paths, path) {
			delete(w.files, path)
		}
	}
	for _, path := range paths {
		s := w.files[path]
		if s == nil {
			s = &fileState{}
			w.files[path] = s
		}
		switch s.observe(statFile(path), w.Now(), func(kept time.Duration) bool { return isComplete(path, kept) }) {
		case actionSettle:
			soon = true
		case actionDeliver:
			w.deliver(ctx, path, s)
			waits = waits || !s.done
		case actionNone:
		}
	}
	return soon, waits
}

func (w *Watcher) deliver(ctx context.Context, path string, s *fileState) {
	err := w.OnFile(ctx, path)
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
	for _, state := range []error{ErrMissing, ErrEmpty, ErrNotPermitted, ErrBusy, ErrAwaitingRemoval} {
		if errors.Is(err, state) {
			return true
		}
	}
	return false
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

// statFile returns what is at path; nil if nothing is, or nothing that this process
// may see.
func statFile(path string) fs.FileInfo {
	info, err := lstat(path)
	if err != nil {
		return nil
	}
	return info
}
