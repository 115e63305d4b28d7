package filewatch

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

// testTimeout is the longest wait for the system; a wait ends as soon as it can.
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

// runWatcher runs a watcher of paths, and returns where each look is told that is for a
// change from now on.
func runWatcher(t *testing.T, o Options, paths ...string) <-chan struct{} {
	t.Helper()
	told, watching := make(chan struct{}, 100), make(chan struct{})
	o.Paths, o.Log = func() []string { return paths }, slog.New(slog.NewTextHandler(t.Output(), nil))
	o.Look = func(_ context.Context, reported bool) time.Duration {
		if reported {
			told <- struct{}{}
		} else {
			close(watching) // the first look; the next one is hours away
		}
		return 0
	}
	run(t, New(o).Run)
	<-watching
	return told
}

func run(t *testing.T, loop func(context.Context) error) {
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- loop(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func wait(t *testing.T, what string, told <-chan struct{}) {
	t.Helper()
	select {
	case <-told:
	case <-time.After(testTimeout):
		t.Fatalf("%s: nobody was told", what)
	}
}

// TestReportsEachChange goes through what editors and management systems
// do, with the polling so slow that only the system's notice can have helped.
func TestReportsEachChange(t *testing.T) {
	dir := t.TempDir()
	config, drops := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "policy.d")
	told := runWatcher(t, Options{Settle: 20 * time.Millisecond, Poll: time.Hour}, config, drops, "")
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

// TestLooks: when is looked, and whether for a change. The clock is the bubble's.
func TestLooks(t *testing.T) {
	type look struct {
		at       time.Duration
		reported bool
	}
	for _, tt := range []struct {
		name  string
		again time.Duration // what a look asks for
		steps func(w *Watcher)
		want  []look
	}{
		{"nothing is reported", 0, func(*Watcher) {}, []look{{0, false}, {9 * time.Second, false}, {18 * time.Second, false}}},
		{"a look asks for the next", 6 * time.Second, func(*Watcher) {}, []look{{0, false}, {6 * time.Second, false}, {12 * time.Second, false}, {18 * time.Second, false}}},
		{"a change is reported", 0, func(w *Watcher) {
			time.Sleep(time.Second)
			notify(w.changes)
		}, []look{{0, false}, {1500 * time.Millisecond, true}, {10500 * time.Millisecond, false}, {19500 * time.Millisecond, false}}},
		{"changes never stop", 0, func(w *Watcher) {
			for range 60 {
				time.Sleep(100 * time.Millisecond)
				notify(w.changes)
			}
		}, []look{{0, false}, {5100 * time.Millisecond, true}, {6500 * time.Millisecond, true}, {15500 * time.Millisecond, false}}},
		{"somebody asks", 0, func(w *Watcher) {
			time.Sleep(time.Second)
			w.CheckNow()
		}, []look{{0, false}, {time.Second, false}, {10 * time.Second, false}, {19 * time.Second, false}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []look
				start := time.Now()
				w := New(Options{Look: func(_ context.Context, reported bool) time.Duration {
					got = append(got, look{time.Since(start), reported})
					return tt.again
				}})
				run(t, func(ctx context.Context) error {
					return w.loop(ctx, func() time.Duration { return w.WatchedPoll })
				})
				tt.steps(w)
				time.Sleep(19750*time.Millisecond - time.Since(start))
				synctest.Wait()
				if !slices.Equal(got, tt.want) {
					t.Errorf("looks %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// TestForward: relevant events and errors are reported, once while nobody has listened. A
// closed watcher ends it.
func TestForward(t *testing.T) {
	events := &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error)}
	w := New(Options{})
	w.watched.Store(&[]string{"ours"})
	ended := make(chan struct{})
	go func() {
		w.forward(events)
		close(ended)
	}()
	events.Events <- fsnotify.Event{Name: "theirs"}
	events.Events <- fsnotify.Event{Name: "theirs"} // received only once the first was dealt with
	if len(w.changes) != 0 {
		t.Error("told of a file that concerns nobody here")
	}
	for range 3 {
		events.Events <- fsnotify.Event{Name: "ours"}
	}
	<-w.changes
	events.Errors <- errors.New("the queue overflowed")
	<-w.changes
	close(events.Events)
	<-ended
}

func TestIsRelevant(t *testing.T) {
	w := New(Options{})
	w.watched.Store(&[]string{filepath.FromSlash("/etc/regent/config.yaml"), filepath.FromSlash("/etc/regent/policy.d")})
	for path, want := range map[string]bool{
		"/etc/regent/config.yaml": true, "/etc/regent/policy.d": true, "/etc/regent/policy.d/a.yaml": true, "/etc/regent": true, "/etc": true,
		"/etc/regent/registration-token": false, "/etc/regent/policy.d/a/b": false, "/etc/regent/policy": false, "/var": false,
	} {
		if got := w.isRelevant(filepath.FromSlash(path)); got != want {
			t.Errorf("isRelevant(%s) = %t, want %t", path, got, want)
		}
	}
}

// TestIntervals: the default interval of each kind of file system.
func TestIntervals(t *testing.T) {
	dir := t.TempDir()
	policy := filepath.Join(dir, "policy.d")
	w := New(Options{Paths: func() []string { return []string{policy} }, Log: slog.New(slog.DiscardHandler)})
	events, err := fsnotify.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	all := map[bool]time.Duration{true: 5 * time.Minute, false: 9 * time.Second}[isReliable(policy)]
	if got := w.watchDirs(t.Context(), events); got != all {
		t.Errorf("every %s, want %s", got, all)
	}
	write(t, filepath.Join(dir, "elsewhere.yaml"), "1")
	if err := os.Mkdir(policy, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "elsewhere.yaml"), filepath.Join(policy, "a.yaml")); err != nil {
		t.Skip(err)
	}
	if got, want := w.watchDirs(t.Context(), events), 9*time.Second; got != want {
		t.Errorf("with a link, whose file can change unheard: every %s, want %s", got, want)
	}
	if err := events.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := w.watchDirs(t.Context(), events), 5*time.Second; got != want {
		t.Errorf("where nothing can be watched: every %s, want %s", got, want)
	}
}
