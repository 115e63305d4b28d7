package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var steps = []string{"create", "sync", "rename", "syncdir"}

func openSealed(t *testing.T, dir string) *Sealed {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: dir, Key: bytes.Repeat([]byte{7}, KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestFailureAtEachStep breaks a Put at each of its steps: the caller is told,
// and what is on the disk is a whole record that can be written again.
func TestFailureAtEachStep(t *testing.T) {
	broken := errors.New("input/output error")
	var met []string
	for _, at := range steps {
		dir := t.TempDir()
		s := openSealed(t, dir)
		if _, err := s.Put(t.Context(), "a", []byte("old"), 0); err != nil {
			t.Fatal(err)
		}
		s.fail = func(step string) error {
			met = append(met, step)
			if step == at {
				return broken
			}
			return nil
		}
		if _, err := s.Put(t.Context(), "a", []byte("new"), 1); !errors.Is(err, broken) {
			t.Errorf("%s: got %v, want %v", at, err, broken)
		}
		s.fail = func(string) error { return nil }
		value, v, err := s.Get(t.Context(), "a")
		whole := string(value) == "old" && v == 1 ||
			at == "syncdir" && string(value) == "new" && v == 2
		if err != nil || !whole {
			t.Errorf("%s: got %q at %d, %v, want the old record", at, value, v, err)
		}
		if _, err := s.Put(t.Context(), "a", []byte("next"), v); err != nil {
			t.Errorf("%s: the next Put: %v", at, err)
		}
		wantFiles(t, dir, "r-a.rec")
	}
	slices.Sort(met)
	if got, want := len(slices.Compact(met)), len(steps); got != want {
		t.Errorf("a Put takes %d steps %v, the test breaks %d", got, met, want)
	}
}

// TestCrashAtEachStep ends the process, as far as the disk can tell, before each
// step of a Put: what it left is copied and opened anew.
func TestCrashAtEachStep(t *testing.T) {
	for _, at := range steps {
		dir, after := t.TempDir(), t.TempDir()
		s := openSealed(t, dir)
		if _, err := s.Put(t.Context(), "a", []byte("old"), 0); err != nil {
			t.Fatal(err)
		}
		s.fail = func(step string) error {
			if step != at {
				return nil
			}
			return os.CopyFS(filepath.Join(after, "state"), os.DirFS(dir))
		}
		if _, err := s.Put(t.Context(), "a", []byte("new"), 1); err != nil {
			t.Fatal(err)
		}
		reopened := openSealed(t, filepath.Join(after, "state"))
		value, v, err := reopened.Get(t.Context(), "a")
		want, version := "old", Version(1)
		if at == "syncdir" {
			want, version = "new", 2
		}
		if string(value) != want || v != version || err != nil {
			t.Errorf("%s: got %q at %d, %v, want %q at %d", at, value, v, err, want, version)
		}
		wantFiles(t, filepath.Join(after, "state"), "r-a.rec")
	}
}

func TestProbeLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := openSealed(t, dir)
	var met []string
	s.fail = func(step string) error { met = append(met, step); return nil }
	if err := s.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if !slices.Equal(met, steps) {
		t.Errorf("Probe took the steps %v, a Put takes %v", met, steps)
	}
	wantFiles(t, dir)
	for _, at := range steps {
		s.fail = func(step string) error {
			if step == at {
				return fs.ErrPermission
			}
			return nil
		}
		if err := s.Probe(t.Context()); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: got %v, want %v", at, err, fs.ErrPermission)
		}
		wantFiles(t, dir)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Probe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want %v", err, context.Canceled)
	}
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, RecordsDir))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("files: got %q, want %q", got, want)
	}
}
