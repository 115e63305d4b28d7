package mdm

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"

	"regent/platform/filewatch"
)

// testTimeout bounds waits for the system; a wait that is over ends at once.
const testTimeout = 30 * time.Second

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// runWatcher runs a watcher, and returns where each call of Changed is told.
func runWatcher(t *testing.T, o FileWatcherOptions) <-chan time.Time {
	t.Helper()
	told := make(chan time.Time, 100)
	o.Changed = func(context.Context) { told <- time.Now() }
	f, err := NewFileWatcher(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return told
}

func wait(t *testing.T, what string, told <-chan time.Time) time.Time {
	t.Helper()
	select {
	case at := <-told:
		return at
	case <-time.After(testTimeout):
		t.Fatalf("%s: nobody was told", what)
		return time.Time{}
	}
}

// TestFileWatcherReportsEachChange goes through what editors and management systems
// do, with the polling so slow that only the system's notice can have helped.
func TestFileWatcherReportsEachChange(t *testing.T) {
	dir := t.TempDir()
	config, drops := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "policy.d")
	told := runWatcher(t, FileWatcherOptions{Paths: []string{config, drops, ""}, Settle: 20 * time.Millisecond, Poll: time.Hour})
	steps := []change{
		{"the file appears", func() error { return os.WriteFile(config, []byte("1"), 0o644) }},
		{"it is written in place", func() error { return os.WriteFile(config, []byte("2"), 0o644) }},
		{"it is replaced", func() error {
			if err := os.WriteFile(config+".new", []byte("3"), 0o644); err != nil {
				return err
			}
			return os.Rename(config+".new", config)
		}},
		{"the directory appears", func() error { return os.Mkdir(drops, 0o755) }},
		{"a file in it appears", func() error { return os.WriteFile(filepath.Join(drops, "a.yaml"), []byte("1"), 0o644) }},
		{"the file goes", func() error { return os.Remove(config) }},
	}
	if runtime.GOOS != "windows" { // there a directory that is watched stays until it is not
		steps = append(steps,
			change{"the directory's mode changes", func() error { return os.Chmod(drops, 0o777) }},
			change{"the directory goes", func() error { return os.RemoveAll(drops) }},
			change{"and comes again", func() error { return os.Mkdir(drops, 0o755) }},
			change{"with a file", func() error { return os.WriteFile(filepath.Join(drops, "a.yaml"), []byte("1"), 0o644) }},
		)
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		wait(t, step.name, told)
	}
}

// change is what somebody does to what is watched.
type change struct {
	name string
	do   func() error
}

// TestFileWatcherWithoutNotices has the system report nothing, and say so or, as on
// some network file systems, not say so.
func TestFileWatcherWithoutNotices(t *testing.T) {
	t.Run("known", func(t *testing.T) { testWithoutNotices(t, 5*time.Second, 10500*time.Millisecond) })
	t.Run("in silence", func(t *testing.T) { testWithoutNotices(t, 9*time.Second, 9500*time.Millisecond) })
}

func testWithoutNotices(t *testing.T, every, told time.Duration) {
	t.Helper()
	dir := t.TempDir()
	drops := filepath.Join(dir, "policy.d")
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		start := time.Now()
		f, err := NewFileWatcher(FileWatcherOptions{Paths: []string{drops}, Changed: func(context.Context) { at = append(at, time.Since(start)) }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.loop(ctx, nil, func() time.Duration { return every }) }()
		time.Sleep(7 * time.Second)
		write(t, filepath.Join(drops, "a.yaml"), "1")
		time.Sleep(33 * time.Second)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if want := []time.Duration{told}; !slices.Equal(at, want) {
			t.Errorf("told at %v, want %v: at the next look, when it was still", at, want)
		}
	})
}

// TestFileWatcherReportsChangeBeforeRun is about the time between reading and
// watching.
func TestFileWatcherReportsChangeBeforeRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	told := make(chan time.Time, 1)
	f, err := NewFileWatcher(FileWatcherOptions{Paths: []string{path}, Settle: time.Millisecond, Poll: 10 * time.Millisecond, Changed: func(context.Context) { told <- time.Now() }})
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "1")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	wait(t, "written before Run", told)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestIsRelevant(t *testing.T) {
	f := &FileWatcher{FileWatcherOptions: FileWatcherOptions{Paths: []string{filepath.FromSlash("/etc/regent/config.yaml"), filepath.FromSlash("/etc/regent/policy.d")}}}
	for path, want := range map[string]bool{
		"/etc/regent/config.yaml": true, "/etc/regent/policy.d": true, "/etc/regent/policy.d/a.yaml": true, "/etc/regent": true, "/etc": true,
		"/etc/regent/registration-token": false, "/etc/regent/policy.d/a/b": false, "/etc/regent/policy": false, "/var": false,
	} {
		if got := f.isRelevant(filepath.FromSlash(path)); got != want {
			t.Errorf("concerns(%s) = %t, want %t", path, got, want)
		}
	}
}

func TestNewFileWatcherRefusesContradictions(t *testing.T) {
	if _, err := NewFileWatcher(FileWatcherOptions{}); err == nil {
		t.Error("without Changed: no error")
	}
	if _, err := NewFileWatcher(FileWatcherOptions{Changed: func(context.Context) {}, Settle: time.Minute}); err == nil {
		t.Error("settle above poll: no error")
	}
}

// TestFileWatcherIntervals: how often is looked where, with defaults.
func TestFileWatcherIntervals(t *testing.T) {
	dir := t.TempDir()
	policy := filepath.Join(dir, "policy.d")
	f, err := NewFileWatcher(FileWatcherOptions{Paths: []string{policy}, Changed: func(context.Context) {}})
	if err != nil {
		t.Fatal(err)
	}
	events, err := fsnotify.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	all := map[bool]time.Duration{true: 5 * time.Minute, false: 9 * time.Second}[filewatch.IsReliable(policy)]
	if got := f.watchDirs(events); got != all {
		t.Errorf("every %s, want %s", got, all)
	}
	write(t, filepath.Join(dir, "elsewhere.yaml"), "1")
	if err := os.Mkdir(policy, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "elsewhere.yaml"), filepath.Join(policy, "a.yaml")); err != nil {
		t.Skip(err)
	}
	if got, want := f.watchDirs(events), 9*time.Second; got != want {
		t.Errorf("with a link, whose file can change unheard: every %s, want %s", got, want)
	}
	if err := events.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := f.watchDirs(events), 5*time.Second; got != want {
		t.Errorf("where nothing can be watched: every %s, want %s", got, want)
	}
}
