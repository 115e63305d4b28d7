package tokenfile

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"regent/platform/filewatch"
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
	poll(t, NewWatcher(Deps{
		Paths:  func() []string { return paths },
		OnFile: j.onFile, Now: time.Now,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	}))
	return log
}

// poll has a watcher look as it asks for, and no less often than without events.
func poll(t *testing.T, w *Watcher) {
	ctx, cancel := context.WithCancel(t.Context())
	var polling sync.WaitGroup
	polling.Go(func() {
		for ctx.Err() == nil {
			time.Sleep(cmp.Or(w.checkFiles(ctx, false), filewatch.Poll))
		}
	})
	t.Cleanup(func() { cancel(); polling.Wait() })
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
		advance(SettleTime + filewatch.Settle)
		if got, want := j.all(), "onetwo"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
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
	w := NewWatcher(Deps{
		Paths:  func() []string { return paths },
		OnFile: func(context.Context, string) error { return nil }, Now: time.Now,
		Log: slog.New(slog.DiscardHandler),
	})
	w.checkFiles(t.Context(), false)
	if len(w.files) != 1 {
		t.Fatalf("got %d sightings, want 1", len(w.files))
	}
	paths = nil
	w.checkFiles(t.Context(), false)
	if len(w.files) != 0 {
		t.Errorf("got %d sightings, want 0", len(w.files))
	}
}

// The one test with the system's own notices: with an interval of an hour only
// they can bring the file to light.
func TestWatcherReportsFileInNewDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc", "regent")
	path := filepath.Join(dir, "registration-token")
	took := make(chan string)
	w := NewWatcher(Deps{
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
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Now: time.Now,
	})
	w.Poll, w.WatchedPoll, w.ReliablePoll = time.Hour, time.Hour, time.Hour
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
