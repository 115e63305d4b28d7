package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeReporter is what was said last of each source.
type fakeReporter struct {
	mu sync.Mutex
	of map[string]string
}

func newReported() *fakeReporter { return &fakeReporter{of: map[string]string{}} }

func (r *fakeReporter) set(source, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of[source] = detail
}

func (r *fakeReporter) get() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[textfileKey]
}

// The file is whole whenever it is there, is written again and again, and goes
// with the daemon.
func TestTextfile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "regent.prom")
		writes, said := 0, newReported()
		f := &textfile{path: path, report: said.set, log: slog.New(slog.DiscardHandler), text: func(context.Context) (string, error) {
			writes++
			return strings.Repeat("regent_health 1\n", writes), nil
		}}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx) }()
		for n := 1; n <= 3; n++ {
			synctest.Wait()
			b, err := os.ReadFile(path)
			if err != nil || strings.Count(string(b), "\n") != n || said.get() != "" {
				t.Errorf("write %d: %q, %v, reported %q", n, b, err, said.get())
			}
			time.Sleep(textfileInterval)
		}
		if i, err := os.Stat(path); err != nil || i.Mode().Perm()&0o444 != 0o444 {
			t.Errorf("its mode: %v, %v; want it readable by all", i, err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

// A place that cannot be written is told once to the log, and to status for as
// long as it is so.
func TestTextfileThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "collector")
		log, said := new(strings.Builder), newReported()
		f := &textfile{path: filepath.Join(dir, "regent.prom"), report: said.set, log: slog.New(slog.NewTextHandler(log, nil)), text: func(context.Context) (string, error) {
			return "", nil
		}}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx) }()
		time.Sleep(10 * textfileInterval)
		synctest.Wait()
		for _, want := range []string{f.path, "correct metrics_textfile"} {
			if !strings.Contains(said.get(), want) {
				t.Errorf("reported %q, without %q", said.get(), want)
			}
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		time.Sleep(textfileInterval)
		synctest.Wait()
		if said.get() != "" {
			t.Errorf("mended, and still reported: %q", said.get())
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if got := strings.Count(log.String(), "level=WARN"); got != 1 {
			t.Errorf("%d warnings, want one:\n%s", got, log)
		}
	})
}

// A daemon that could not write the file ends without an error, and removes no file of others.
func TestTextfileThatWasNeverWritten(t *testing.T) {
	dir := t.TempDir()
	others := filepath.Join(dir, "others.prom")
	if err := os.WriteFile(others, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{others, filepath.Join(others, "regent.prom")} { // the second is in no directory
		if err := (&textfile{path: path}).remove(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := os.Stat(others); err != nil {
		t.Error(err)
	}
}
