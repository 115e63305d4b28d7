package tokenfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// journal is an OnFile that remembers; it answers what it was told to.
type journal struct {
	mu     sync.Mutex
	took   []string
	answer error
}

func (j *journal) onFile(_ context.Context, path string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	j.took = append(j.took, string(content))
	return j.answer
}

func (j *journal) set(answer error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.answer = answer
}

func (j *journal) all() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.took, " ")
}

// startPolling starts a watcher that only looks at intervals, so that a bubble's
// clock drives it.
func startPolling(t *testing.T, j *journal, paths ...string) (log *bytes.Buffer) {
	t.Helper()
	log = &bytes.Buffer{}
	w, err := NewWatcher(Deps{
		Paths:  func() []string { return paths },
		OnFile: j.onFile, Now: time.Now,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.loop(ctx, nil, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
	return log
}

// advance lets d go by, and a little more.
func advance(d time.Duration) {
	time.Sleep(d + time.Millisecond)
	synctest.Wait()
}

func TestWatcherDeliversExistingFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		startPolling(t, j, writeTokenFile(t, "one"))
		advance(SettleTime)
		if got, want := j.all(), "one"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		advance(time.Hour)
		if got, want := j.all(), "one"; got != want {
			t.Errorf("an hour later: got %q, want %q", got, want)
		}
	})
}

func TestWatcherWaitsForTheWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		path := writeTokenFile(t, "o")
		startPolling(t, j, path)
		for _, content := range []string{"on", "one", "onet", "onetwo"} {
			advance(SettleTime - 500*time.Millisecond)
			write(t, path, content)
			if got := j.all(); got != "" {
				t.Fatalf("took %q while it was written", got)
			}
		}
		advance(SettleTime + 400*time.Millisecond)
		if got, want := j.all(), "onetwo"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestWatcherIntervals: who hears of changes looks less often, unless a file waits
// to be taken.
func TestWatcherIntervals(t *testing.T) {
	w, err := NewWatcher(Deps{Paths: func() []string { return nil }, OnFile: (&journal{}).onFile, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name        string
		soon, waits bool
		hears, all  bool
		want        time.Duration
	}{
		{"hears all, and nothing waits", false, false, true, true, w.ReliablePoll},
		{"hears all, and a file waits", false, true, true, true, w.Poll},
		{"hears most, and nothing waits", false, false, true, false, w.WatchedPoll},
		{"hears most, and a file waits", false, true, true, false, w.Poll},
		{"hears nothing", false, false, false, false, w.Poll},
		{"hears nothing where all could be heard", false, false, false, true, w.Poll},
		{"a file is being written", true, false, true, true, w.Settle},
	} {
		if got := w.nextInterval(tt.soon, tt.waits, tt.hears, tt.all); got != tt.want {
			t.Errorf("%s: naps %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestWatcherDeliversReplacedFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		path := writeTokenFile(t, "one")
		startPolling(t, j, path)
		advance(10 * time.Second)
		remove(t, path)
		advance(10 * time.Second)
		write(t, path, "two")
		advance(10 * time.Second)
		write(t, path, "three")
		advance(10 * time.Second)
		if got, want := j.all(), "one two three"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestWatcherReportsErrorOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{answer: errors.New("first cause")}
		path := writeTokenFile(t, "one")
		log := startPolling(t, j, path)
		advance(time.Minute)
		j.set(errors.New("second cause"))
		advance(time.Minute)
		j.set(errors.New("first cause"))
		advance(time.Minute)
		for _, cause := range []string{"first cause", "second cause"} {
			if got := strings.Count(log.String(), cause); got != 1 {
				t.Errorf("%s: got %d reports, want 1:\n%s", cause, got, log)
			}
		}
		if tries := strings.Count(j.all(), "one"); tries < 30 {
			t.Errorf("got %d tries in three minutes, want one every 5 s", tries)
		}
		remove(t, path)
		advance(time.Minute)
		write(t, path, "two")
		advance(time.Minute)
		if got := strings.Count(log.String(), "first cause"); got != 2 {
			t.Errorf("a new file: got %d reports in all, want 2", got)
		}
		j.set(nil)
		advance(time.Minute)
		tries := len(j.all())
		advance(time.Hour)
		if got := len(j.all()); got != tries {
			t.Error("it was tried again after it had been taken")
		}
	})
}

func TestWatcherIgnoresExpectedErrors(t *testing.T) {
	for _, silent := range []error{ErrMissing, ErrEmpty, ErrNotPermitted, ErrBusy, ErrAwaitingRemoval} {
		synctest.Test(t, func(t *testing.T) {
			log := startPolling(t, &journal{answer: fmt.Errorf("read: %w", silent)}, writeTokenFile(t, "one"))
			advance(time.Minute)
			if log.Len() > 0 {
				t.Errorf("%v: got %s", silent, log)
			}
		})
	}
}

func TestWatcherForgetsRemovedPaths(t *testing.T) {
	path := writeTokenFile(t, "one")
	paths := []string{path}
	w, err := NewWatcher(Deps{
		Paths:  func() []string { return paths },
		OnFile: func(context.Context, string) error { return nil }, Now: time.Now,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.checkFiles(t.Context())
	if len(w.files) != 1 {
		t.Fatalf("got %d sightings, want 1", len(w.files))
	}
	paths = nil
	w.checkFiles(t.Context())
	if len(w.files) != 0 {
		t.Errorf("got %d sightings, want 0", len(w.files))
	}
}

func TestNewWatcherRefuses(t *testing.T) {
	full := Deps{
		Paths:  func() []string { return nil },
		OnFile: func(context.Context, string) error { return nil }, Now: time.Now,
		Log: slog.New(slog.DiscardHandler),
	}
	tests := []struct {
		name  string
		spoil func(*Deps)
	}{
		{"no paths", func(d *Deps) { d.Paths = nil }},
		{"nobody to tell", func(d *Deps) { d.OnFile = nil }},
		{"no log", func(d *Deps) { d.Log = nil }},
		{"contradiction", func(d *Deps) { d.Settle = time.Minute; d.Poll = time.Second }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := full
			tt.spoil(&d)
			if _, err := NewWatcher(d); err == nil {
				t.Error("accepted")
			}
		})
	}
	if _, err := NewWatcher(full); err != nil {
		t.Error(err)
	}
}

// The one test with the system's own notices: with an interval of an hour only
// they can bring the file to light.
func TestWatcherReportsFileInNewDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc", "regent")
	path := filepath.Join(dir, "registration-token")
	took := make(chan string)
	w, err := NewWatcher(Deps{
		Paths: func() []string { return []string{path} },
		OnFile: func(_ context.Context, path string) error {
			// Not Read: a change of who may read it is no news on each system.
			token, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if len(token) == 0 {
				return ErrEmpty // it is still being written
			}
			took <- string(token)
			return nil // it goes with its directory
		},
		Log:    slog.New(slog.NewTextHandler(t.Output(), nil)),
		Now:    time.Now,
		Poll:   time.Hour,
		Settle: 10 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	for _, token := range []string{"one", "two", "three"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, path, token)
		if got := <-took; got != token {
			t.Errorf("got %q, want %q", got, token)
		}
		if err := os.RemoveAll(filepath.Dir(dir)); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// TestCheckNow: a file that the configuration names from now on is not waited for.
func TestCheckNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		var paths atomic.Pointer[[]string]
		paths.Store(&[]string{})
		w, err := NewWatcher(Deps{
			Paths: func() []string { return *paths.Load() }, OnFile: j.onFile, Now: time.Now, Log: slog.New(slog.DiscardHandler), Poll: time.Hour,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.loop(ctx, nil, nil) }()
		advance(time.Second)
		paths.Store(&[]string{writeTokenFile(t, "one")})
		w.CheckNow()
		advance(SettleTime + time.Second)
		if got, want := j.all(), "one"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		cancel()
		<-ended
	})
}
