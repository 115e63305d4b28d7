package mdm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// FilesOptions say what to watch.
type FilesOptions struct {
	// Paths are the files and directories that matter, absolute; of a directory
	// the files in it. None of them need exist. Empty ones are left out.
	Paths []string
	// Changed is told that something may have changed and has been still since
	// for Settle. It may be told in vain.
	Changed func(ctx context.Context)
	Settle  time.Duration // 0 is 500 ms
	Poll    time.Duration // longest time between two looks; 0 is 5 s
}

// Files watches files that may come, go, and be written at any time.
type Files struct {
	FilesOptions
	last string // what was seen when Changed was last told
}

// NewFiles returns a watcher. What changes from now on is a change, also before
// Run.
func NewFiles(o FilesOptions) (*Files, error) {
	if o.Changed == nil {
		return nil, errors.New("mdm: Changed is needed")
	}
	if o.Settle == 0 {
		o.Settle = 500 * time.Millisecond
	}
	if o.Poll == 0 {
		o.Poll = 5 * time.Second
	}
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
	f := &Files{FilesOptions: o}
	f.last = f.look()
	return f, nil
}

// Run watches until ctx is done. It acts on what the system reports, and looks
// every Poll anyway, since no system reports every change on every file system.
// It may be called once.
func (f *Files) Run(ctx context.Context) error {
	events, err := fsnotify.NewWatcher()
	if err != nil { // the poll does it then
		return f.loop(ctx, nil, nil, func() {})
	}
	defer events.Close() //nolint:errcheck // nothing follows that an error could spoil
	return f.loop(ctx, events.Events, events.Errors, func() { f.follow(events) })
}

// follow watches the directories that are there now. One that cannot be watched
// is looked at by the poll.
func (f *Files) follow(events *fsnotify.Watcher) {
	for _, p := range f.Paths {
		_ = events.Add(filepath.Dir(p))
		if info, err := os.Stat(p); err == nil && info.IsDir() {
			_ = events.Add(p)
		}
	}
}

func (f *Files) loop(ctx context.Context, events <-chan fsnotify.Event, failures <-chan error, follow func()) error {
	poll := time.NewTicker(f.Poll)
	defer poll.Stop()
	for {
		follow()
		told := false
		select {
		case <-ctx.Done():
			return nil
		case e := <-events:
			told = f.concerns(e.Name)
		case <-failures: //nolint:errcheck // some changes were lost, whatever the reason: look
			told = true
		case <-poll.C:
		}
		if !told && f.look() == f.last {
			continue
		}
		if err := f.settle(ctx, events); err != nil {
			return nil //nolint:nilerr // ctx is done, which is how a loop ends
		}
		follow() // a directory may have come
		f.last = f.look()
		f.Changed(ctx)
	}
}

// settle returns when nothing has happened for Settle, or after Poll: who never
// stops writing must not keep everyone from reading.
func (f *Files) settle(ctx context.Context, events <-chan fsnotify.Event) error {
	enough := time.After(f.Poll)
	still := time.NewTimer(f.Settle)
	defer still.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-events:
			if f.concerns(e.Name) {
				still.Reset(f.Settle)
			}
		case <-still.C:
			return nil
		case <-enough:
			return nil
		}
	}
}

// concerns reports whether path is one that matters, in one, or above one.
func (f *Files) concerns(path string) bool {
	path = filepath.Clean(path)
	for _, p := range f.Paths {
		if path == p || filepath.Dir(path) == p || strings.HasPrefix(p, path+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// look sums up what is there, without reading it.
func (f *Files) look() string {
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
