package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/fault"
	"regent/agent/store"
)

// memoryMark keeps a mark in memory.
type memoryMark struct {
	mark  []byte
	err   error
	saves int
}

func (p *memoryMark) LoadMark(context.Context) ([]byte, error) {
	if p.err == nil && p.mark == nil {
		return nil, store.ErrNoMark
	}
	return p.mark, p.err
}

func (p *memoryMark) SaveMark(_ context.Context, mark []byte) error {
	if p.err == nil {
		p.mark, p.saves = mark, p.saves+1
	}
	return p.err
}

func discardLog(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// newMarkedStore is a store with two records, one of them written twice, and its mark.
func newMarkedStore(t *testing.T) (dir string, p *memoryMark) {
	t.Helper()
	dir, p = t.TempDir(), &memoryMark{}
	s := open(t, dir)
	mustPut(t, s, "a", "one", 0)
	mustPut(t, s, "a", "two", 1)
	mustPut(t, s, "b", "one", 0)
	if _, state, err := store.OpenMark(t.Context(), s, p, discardLog(t)); state != store.OK || err != nil {
		t.Fatalf("got %s, %v", state, err)
	}
	return dir, p
}

func TestMark(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, dir string, p *memoryMark)
		state  store.State
		kind   fault.Kind
	}{
		{"nothing happened", func(*testing.T, string, *memoryMark) {}, store.OK, ""},
		{"a crash after a write", func(t *testing.T, dir string, _ *memoryMark) {
			mustPut(t, open(t, dir), "a", "three", 2)
		}, store.OK, ""},
		{"a crash after a deletion", func(t *testing.T, dir string, _ *memoryMark) {
			must(t, open(t, dir).Delete(t.Context(), "a"))
		}, store.OK, ""},
		{"an older directory", func(t *testing.T, dir string, p *memoryMark) {
			older := t.TempDir()
			must(t, os.CopyFS(older+"/state", os.DirFS(dir)))
			s := open(t, dir)
			mustPut(t, s, "a", "three", 2)
			save(t, s, p)
			must(t, os.RemoveAll(dir))
			must(t, os.CopyFS(dir, os.DirFS(older+"/state")))
		}, store.RolledBack, fault.StoreRolledBack},
		{"an older directory, with a record that was deleted since", func(t *testing.T, dir string, p *memoryMark) {
			older := t.TempDir()
			must(t, os.CopyFS(older+"/state", os.DirFS(dir)))
			s := open(t, dir)
			must(t, s.Delete(t.Context(), "a"))
			save(t, s, p)
			must(t, os.RemoveAll(dir))
			must(t, os.CopyFS(dir, os.DirFS(older+"/state")))
		}, store.RolledBack, fault.StoreRolledBack},
		{"a record taken away", func(t *testing.T, dir string, _ *memoryMark) {
			must(t, os.Remove(filepath.Join(dir, store.RecordsDir, "r-b.rec")))
		}, store.RolledBack, fault.StoreRolledBack},
		{"a mark under another key", func(t *testing.T, _ string, p *memoryMark) {
			s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Key: bytes.Repeat([]byte{9}, store.KeySize)})
			must(t, err)
			store.FirstMark(t.Context(), s, p, discardLog(t))
		}, store.RolledBack, fault.StoreRolledBack},
		{"a damaged mark", func(_ *testing.T, _ string, p *memoryMark) { p.mark[len(p.mark)-1] ^= 1 }, store.Unreadable, fault.StoreUnreadable},
		{"a mark cut short", func(_ *testing.T, _ string, p *memoryMark) { p.mark = p.mark[:9] }, store.Unreadable, fault.StoreUnreadable},
		{"a record in the mark's place", func(t *testing.T, dir string, p *memoryMark) {
			b, err := os.ReadFile(filepath.Join(dir, store.RecordsDir, "r-a.rec"))
			must(t, err)
			p.mark = b
		}, store.Unreadable, fault.StoreUnreadable},
		{"no mark any more", func(_ *testing.T, _ string, p *memoryMark) { p.mark = nil }, store.OK, ""},
		{"a keyring that gives none", func(_ *testing.T, _ string, p *memoryMark) { p.err = store.ErrLocked }, store.OK, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, p := newMarkedStore(t)
			tt.change(t, dir, p)
			before := bytes.Clone(p.mark)
			_, state, err := store.OpenMark(t.Context(), open(t, dir), p, discardLog(t))
			if state != tt.state || (err == nil) != (tt.kind == "") || err != nil && fault.KindOf(err) != tt.kind {
				t.Fatalf("got %s, %v, want %s, %q", state, err, tt.state, tt.kind)
			}
			if err != nil && !bytes.Equal(p.mark, before) {
				t.Error("the mark was changed")
			}
			if err == nil && p.err == nil {
				if _, state, err := store.OpenMark(t.Context(), open(t, dir), p, discardLog(t)); state != store.OK || err != nil {
					t.Errorf("opened again: got %s, %v", state, err)
				}
			}
		})
	}
}

func save(t *testing.T, s *store.Sealed, p *memoryMark) {
	t.Helper()
	m, state, err := store.OpenMark(t.Context(), s, p, discardLog(t))
	if err != nil {
		t.Fatalf("%s, %v", state, err)
	}
	must(t, m.Save(t.Context()))
}

func TestFirstMark(t *testing.T) {
	_, p := newMarkedStore(t)
	fresh := open(t, t.TempDir())
	store.FirstMark(t.Context(), fresh, p, discardLog(t))
	mustPut(t, fresh, "a", "one", 0)
	if _, state, err := store.OpenMark(t.Context(), fresh, p, discardLog(t)); state != store.OK || err != nil {
		t.Errorf("got %s, %v", state, err)
	}
}

// TestMarkRun writes often and marks seldom.
func TestMarkRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &memoryMark{}
		s := open(t, t.TempDir())
		m := store.FirstMark(t.Context(), s, p, discardLog(t))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- m.Run(ctx) }()
		for v := range store.Version(50) {
			mustPut(t, s, "a", "value", v)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got, want := p.saves, 2; got != want {
			t.Errorf("saved %d times, want %d: at first, and after 50 writes", got, want)
		}
		p.err = errors.New("the disk is full")
		mustPut(t, s, "a", "value", 50)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		p.err = nil
		cancel()
		if err := <-ended; err != nil || p.saves != 3 {
			t.Errorf("at the end: %v, saved %d times, want 3", err, p.saves)
		}
	})
}

func TestSetAside(t *testing.T) {
	dir, file := damaged(t, func(t *testing.T, file string) { overwrite(t, file, []byte("damaged")) })
	s := open(t, dir)
	found, _, err := s.Verify(t.Context())
	must(t, err)
	moved, err := s.SetAside(t.Context(), found)
	if err != nil || len(moved) != 1 || moved[0] != file+".corrupt-1" {
		t.Fatalf("got %q, %v", moved, err)
	}
	if b, err := os.ReadFile(moved[0]); string(b) != "damaged" || err != nil {
		t.Errorf("the original: got %q, %v", b, err)
	}
	mustPut(t, s, "a", "again", 0)
	if found, sound, err := s.Verify(t.Context()); len(found) != 0 || sound != 2 || err != nil {
		t.Errorf("afterwards: %v, %d sound, %v", found, sound, err)
	}
	overwrite(t, file, []byte("damaged again"))
	found, _, err = s.Verify(t.Context())
	must(t, err)
	if moved, err := s.SetAside(t.Context(), found); err != nil || moved[0] != file+".corrupt-2" {
		t.Errorf("the second: got %q, %v", moved, err)
	}
	if path, err := store.SetAside(filepath.Join(dir, "none")); path != "" || err != nil {
		t.Errorf("nothing there: got %q, %v", path, err)
	}
}
