// Package filewatch watches files that may appear, disappear and change at any time.
//
// It uses the system's change events, and also checks at intervals, since no system reports
// every change on every file system.
package filewatch

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Options set the watched paths and the function that checks them.
type Options struct {
	// Paths returns the absolute paths of the watched files and directories. A directory
	// means the files in it. It is called before each check. Paths need not exist. Empty
	// paths are ignored.
	Paths func() []string
	// FilesOnly means that no path is a directory. A directory in place of a file is not
	// watched, because a watched directory cannot be replaced on Windows.
	FilesOnly bool
	// Look checks the files. reported means that the system has reported a change, and
	// no other one for Settle. Look returns the longest time until the next check; 0
	// means the intervals below.
	Look         func(ctx context.Context, reported bool) (again time.Duration)
	Log          *slog.Logger
	Settle       time.Duration // 0 is [Settle]
	Poll         time.Duration // longest time between two checks; 0 is [Poll]
	WatchedPoll  time.Duration // the same while the system reports changes; 0 is 9 s, and at least Poll
	ReliablePoll time.Duration // the same if it reports every change; 0 is 5 minutes, and at least WatchedPoll
}

const (
	// Settle is the time without a change after which a file counts as unchanged.
	Settle = 500 * time.Millisecond
	// Poll is the interval of checks if the system does not report changes.
	Poll = 5 * time.Second
)

// Watcher checks files repeatedly. Its methods are safe for concurrent use.
type Watcher struct {
	Options
	watchErr string                   // why the system reports no changes; "" if it does
	checkNow chan struct{}            // CheckNow was called
	changes  chan struct{}            // an unhandled change was reported
	watched  atomic.Pointer[[]string] // the paths at the last check; for forward
}

// New returns a watcher.
func New(o Options) *Watcher {
	o.Settle, o.Poll = cmp.Or(o.Settle, Settle), cmp.Or(o.Poll, Poll)
	o.WatchedPoll = max(cmp.Or(o.WatchedPoll, 9*time.Second), o.Poll)
	o.ReliablePoll = max(cmp.Or(o.ReliablePoll, 5*time.Minute), o.WatchedPoll)
	return &Watcher{Options: o, checkNow: make(chan struct{}, 1), changes: make(chan struct{}, 1)}
}

// CheckNow makes Run check at once, or as soon as it starts.
func (w *Watcher) CheckNow() { notify(w.checkNow) }

// notify sends to c, unless an earlier notice is still unread.
func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run checks at once and then repeatedly, until ctx is done. It returns the context's error.
// Call it once.
func (w *Watcher) Run(ctx context.Context) error {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		w.reportWatchError(ctx, err)
		return w.loop(ctx, func() time.Duration { return w.Poll })
	}
	var forwarding sync.WaitGroup
	forwarding.Go(func() { w.forward(events) })
	err = w.loop(ctx, func() time.Duration { return w.watchDirs(ctx, events) })
	_ = events.Close() // nothing depends on it
	forwarding.Wait()
	return err
}

// loop checks until ctx is done. watch starts the reports of changes, and returns how long
// they are reliable.
func (w *Watcher) loop(ctx context.Context, watch func() time.Duration) error {
	for reported := false; ctx.Err() == nil; {
		interval := watch()
		if again := w.Look(ctx, reported); again > 0 {
			interval = min(interval, again)
		}
		reported = w.wait(ctx, interval)
	}
	return ctx.Err()
}

// wait waits for the interval, for CheckNow, or for a change that no other change follows
// within Settle. Continuous writing delays the check by at most Poll.
func (w *Watcher) wait(ctx context.Context, interval time.Duration) (reported bool) {
	due := time.NewTimer(interval)
	defer due.Stop()
	var enough <-chan time.Time
	for {
		select {
		case <-w.changes:
			if !reported {
				reported, enough = true, time.After(w.Poll)
			}
			due.Reset(w.Settle)
		case <-enough:
			return true
		case <-due.C:
			return reported
		case <-w.checkNow:
			return reported
		case <-ctx.Done():
			return false
		}
	}
}

// forward receives from events until it is closed. It forwards each relevant event, and each
// error, because some changes may be lost then. It runs in its own goroutine, since
// fsnotify's Add waits for the sender on Windows.
func (w *Watcher) forward(events *fsnotify.Watcher) {
	for {
		select {
		case e, ok := <-events.Events:
			if !ok {
				return
			}
			if w.isRelevant(e.Name) {
				notify(w.changes)
			}
		case _, ok := <-events.Errors:
			if !ok {
				return
			}
			notify(w.changes)
		}
	}
}

// isRelevant reports whether name is one of the paths, in one of them, or above one.
func (w *Watcher) isRelevant(name string) bool {
	return slices.ContainsFunc(*w.watched.Load(), func(path string) bool {
		below, err := filepath.Rel(name, path)
		return err == nil && filepath.IsLocal(below) || filepath.Dir(name) == path
	})
}

// watchDirs starts reports for the directories of the paths. For a missing directory it
// watches the nearest existing one above. It returns how long the reports are reliable.
func (w *Watcher) watchDirs(ctx context.Context, events *fsnotify.Watcher) time.Duration {
	var paths, wanted []string
	var failed error
	for _, path := range w.Paths() {
		if path != "" {
			paths = append(paths, filepath.Clean(path))
		}
	}
	w.watched.Store(&paths)
	for _, path := range paths {
		dir, err := watchNearest(events, filepath.Dir(path))
		wanted = append(wanted, dir)
		if info, missing := os.Stat(path); !w.FilesOnly && missing == nil && info.IsDir() {
			err = errors.Join(err, events.Add(path))
			wanted = append(wanted, path)
		}
		failed = errors.Join(failed, err)
	}
	for _, dir := range events.WatchList() {
		if !slices.Contains(wanted, dir) {
			_ = events.Remove(dir) // it may be deleted, together with its watch
		}
	}
	w.reportWatchError(ctx, failed)
	switch {
	case failed != nil:
		return w.Poll
	case isReliable(paths...):
		return w.ReliablePoll
	}
	return w.WatchedPoll
}

// reportWatchError logs, once for each cause, that only checks at intervals are left.
func (w *Watcher) reportWatchError(ctx context.Context, err error) {
	cause := ""
	if err != nil {
		cause = err.Error()
	}
	if cause != "" && cause != w.watchErr {
		w.Log.WarnContext(ctx, "the system reports no file changes, checking at intervals", "err", err, "interval", w.Poll)
	}
	w.watchErr = cause
}

// watchNearest watches the nearest existing directory above dir, or dir, and returns it. A
// directory that was created meanwhile was not reported, so it checks again.
func watchNearest(events *fsnotify.Watcher, dir string) (at string, _ error) {
	for next := nearestDir(dir); next != at; next = nearestDir(dir) {
		at = next
		// Add it even if it is watched: a directory that was replaced needs a new
		// watch.
		if err := events.Add(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return at, err
		}
	}
	return at, nil
}

// nearestDir returns dir or the nearest existing directory above it.
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
