package mdm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"regent/platform/filewatch"
)

// FileWatcherOptions say what to watch.
type FileWatcherOptions struct {
	// Paths are the files and directories that matter, absolute; of a directory
	// the files in it. None of them need exist. Empty ones are left out.
	Paths []string
	// Changed is told that something may have changed and has been still since
	// for Settle. It may be told in vain.
	Changed      func(ctx context.Context)
	Settle       time.Duration // 0 is 500 ms
	Poll         time.Duration // longest time between two looks; 0 is 5 s
	WatchedPoll  time.Duration // the same while the system reports changes; 0 is 9 s, and at least Poll
	ReliablePoll time.Duration // the same where it is known to report every change; 0 is 5 minutes, and at least Rest
}

// FileWatcher watches files that may come, go, and be written at any time.
type FileWatcher struct {
	FileWatcherOptions
	lastSnapshot string // what was seen when Changed was last told
}

// NewFileWatcher returns a watcher. What changes from now on is a change, also before
// Run.
func NewFileWatcher(o FileWatcherOptions) (*FileWatcher, error) {
	if o.Changed == nil {
		return nil, errors.New("mdm: Changed is needed")
	}
	if o.Settle == 0 {
		o.Settle = 500 * time.Millisecond
	}
	if o.Poll == 0 {
		o.Poll = 5 * time.Second
	}
	if o.WatchedPoll == 0 {
		o.WatchedPoll = 9 * time.Second
	}
	o.WatchedPoll = max(o.WatchedPoll, o.Poll)
	if o.ReliablePoll == 0 {
		o.ReliablePoll = 5 * time.Minute
	}
	o.ReliablePoll = max(o.ReliablePoll, o.WatchedPoll)
	if o.Settle > o.Poll {
		return nil, fmt.Errorf("mdm: settle must be at most poll: %s > %s", o.Settle, o.Poll)
	}
	var paths []string
	for _, p := range o.Paths {
		if p != "" {
			paths = append(paths, filepath.Clean(p))
		}
	}
	o.Paths = paths
	f := &FileWatcher{FileWatcherOptions: o}
	f.lastSnapshot = f.snapshot()
	return f, nil
}

// Run watches until ctx is done. It acts on what the system reports, and looks
// every Poll, Rest or Trust anyway, since no system reports every change on every
// file system. It may be called once.
func (f *FileWatcher) Run(ctx context.Context) error {
	events, err := fsnotify.NewWatcher()
	if err != nil { // the poll does it then
		return f.loop(ctx, nil, func() time.Duration { return f.Poll })
	}
	told := make(chan struct{}, 1)
	var pump sync.WaitGroup
	pump.Go(func() { filewatch.Forward(events, f.isRelevant, told) })
	err = f.loop(ctx, told, func() time.Duration { return f.watchDirs(events) })
	_ = events.Close() // nothing follows that an error could spoil
	pump.Wait()
	return err
}

// watchDirs watches the directories that are there now or, in place of one that is
// not, the nearest above it, and returns how long that can be relied on.
func (f *FileWatcher) watchDirs(events *fsnotify.Watcher) time.Duration {
	var deaf error
	for _, p := range f.Paths {
		_, err := filewatch.WatchNearest(events, filepath.Dir(p))
		if info, missing := os.Stat(p); missing == nil && info.IsDir() {
			err = errors.Join(err, events.Add(p))
		}
		deaf = errors.Join(deaf, err)
	}
	switch {
	case deaf != nil:
		return f.Poll
	case filewatch.IsReliable(f.Paths...):
		return f.ReliablePoll
	}
	return f.WatchedPoll
}

func (f *FileWatcher) loop(ctx context.Context, told <-chan struct{}, follow func() (every time.Duration)) error {
	for {
		every := follow()
		for heard := false; !heard && f.snapshot() == f.lastSnapshot; {
			select {
			case <-ctx.Done():
				return nil
			case <-told:
				heard = true
			case <-time.After(every):
				every = follow()
			}
		}
		if !f.settle(ctx, told) {
			return nil
		}
		follow() // a directory may have come
		f.lastSnapshot = f.snapshot()
		f.Changed(ctx)
	}
}

// settle returns when nothing has happened for Settle, or after Poll: who never
// stops writing must not keep everyone from reading. It is false when ctx is
// done.
func (f *FileWatcher) settle(ctx context.Context, told <-chan struct{}) bool {
	enough := time.After(f.Poll)
	still := time.NewTimer(f.Settle)
	defer still.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-told:
			still.Reset(f.Settle)
		case <-still.C:
			return true
		case <-enough:
			return true
		}
	}
}

// isRelevant reports whether path is one that matters, in one, or above one.
func (f *FileWatcher) isRelevant(path string) bool {
	path = filepath.Clean(path)
	for _, p := range f.Paths {
		if path == p || filepath.Dir(path) == p || strings.HasPrefix(p, path+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// snapshot sums up what is there, without reading it.
func (f *FileWatcher) snapshot() string {
	var b strings.Builder
	for _, p := range f.Paths {
		info, err := os.Stat(p)
		describe(&b, p, info, err)
		if err != nil || !info.IsDir() {
			continue
		}
		entries, err := os.ReadDir(p)
		if err != nil {
			describe(&b, p, nil, err)
			continue
		}
		for _, e := range entries {
			name := filepath.Join(p, e.Name())
			info, err := os.Stat(name)
			describe(&b, name, info, err)
		}
	}
	return b.String()
}

func describe(b *strings.Builder, path string, info fs.FileInfo, err error) {
	if err != nil {
		fmt.Fprintf(b, "%q %v\n", path, err)
		return
	}
	fmt.Fprintf(b, "%q %d %s %s\n", path, info.Size(), info.Mode(), info.ModTime().UTC().Format(time.RFC3339Nano))
}
