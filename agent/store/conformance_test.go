package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/store"
	"regent/agent/store/storetest"
)

func TestSealedConforms(t *testing.T) {
	conform(t, func(t *testing.T) func() store.Store {
		dir := t.TempDir()
		return func() store.Store { return open(t, dir) }
	})
}

// TestMemoryConforms: the store in memory of other tests behaves like a store.
func TestMemoryConforms(t *testing.T) {
	conform(t, func(*testing.T) func() store.Store {
		m := &storetest.Memory{}
		return func() store.Store { return m }
	})
}

// conform tests a store. place makes a new empty place and returns what opens a
// store there; opened again, it is the next process that looks at the same
// place. The stores of one place are not used side by side.
func conform(t *testing.T, place func(t *testing.T) (open func() store.Store)) {
	tests := []struct {
		name string
		test func(t *testing.T, open func() store.Store)
	}{
		{"empty", testEmpty},
		{"put and get", testPutGet},
		{"compare and swap", testSwap},
		{"values are copies", testCopies},
		{"delete", testDelete},
		{"list", testList},
		{"odd names", testOddNames},
		{"refused names", testRefusedNames},
		{"large values", testLarge},
		{"durable", testDurable},
		{"cancelled", testCancelled},
		{"concurrent", testConcurrent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, place(t)) })
	}
}

func testEmpty(t *testing.T, open func() store.Store) {
	s := open()
	if _, _, err := s.Get(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of no record: got %v, want %v", err, store.ErrNotFound)
	}
	if names, err := s.List(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("List: got %q, %v, want none", names, err)
	}
	if err := s.Delete(t.Context(), "none"); err != nil {
		t.Errorf("Delete of no record: got %v, want nil", err)
	}
}

func testPutGet(t *testing.T, open func() store.Store) {
	s := open()
	var v store.Version
	for i, value := range []string{"first", "", "a longer third value", "\x00\xff"} {
		v = put(t, s, "cad/1", value, v)
		if v != store.Version(i+1) {
			t.Errorf("Put %d: got version %d, want %d", i, v, i+1)
		}
		want(t, s, "cad/1", value, v)
	}
}

func testSwap(t *testing.T, open func() store.Store) {
	s := open()
	refuse := func(was store.Version) {
		t.Helper()
		if _, err := s.Put(t.Context(), "a", []byte("late"), was); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Put over version %d: got %v, want %v", was, err, store.ErrConflict)
		}
	}
	refuse(1)
	v1 := put(t, s, "a", "one", 0)
	refuse(0)
	refuse(v1 + 1)
	v2 := put(t, s, "a", "two", v1)
	refuse(v1)
	want(t, s, "a", "two", v2)
}

func testCopies(t *testing.T, open func() store.Store) {
	s := open()
	in := []byte("value")
	if _, err := s.Put(t.Context(), "a", in, 0); err != nil {
		t.Fatal(err)
	}
	clear(in)
	want(t, s, "a", "value", 1)
	out, _, err := s.Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	clear(out)
	want(t, s, "a", "value", 1)
}

func testDelete(t *testing.T, open func() store.Store) {
	s := open()
	put(t, s, "a", "one", 0)
	put(t, s, "b", "other", 0)
	if err := s.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Get(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get after Delete: got %v, want %v", err, store.ErrNotFound)
	}
	want(t, s, "b", "other", 1)
	put(t, s, "a", "again", 0)
	want(t, open(), "a", "again", 1)
}

func testList(t *testing.T, open func() store.Store) {
	s := open()
	for _, name := range []string{"b", "a/2", "a/10", "B", "a"} {
		put(t, s, name, name, 0)
	}
	wantNames(t, s, []string{"B", "a", "a/10", "a/2", "b"})
	put(t, s, "a", "again", 1)
	wantNames(t, s, []string{"B", "a", "a/10", "a/2", "b"})
}

// oddNames are names that file systems would take for one another, for
// something else, or not at all. They are sorted.
func oddNames() []string {
	return []string{
		" ", "%2f", "*?<>|\"", ".", "..", "../escape", "/", "/etc/passwd", "A", strings.Repeat("A", 200),
		"C:\\x", "a", "a ", "a%", "a.", "a.corrupt-1", "a.rec", "a//b", "a/b",
		strings.Repeat("a", 200), "aux", "con", "nul.txt", "r-a.rec", "t-x.tmp", "~1",
	}
}

func testOddNames(t *testing.T, open func() store.Store) {
	s := open()
	for _, name := range oddNames() {
		put(t, s, name, "value of "+name, 0)
	}
	for _, s := range []store.Store{s, open()} {
		for _, name := range oddNames() {
			want(t, s, name, "value of "+name, 1)
		}
		wantNames(t, s, oddNames())
	}
}

func testRefusedNames(t *testing.T, open func() store.Store) {
	s := open()
	for _, name := range []string{"", strings.Repeat("a", 201), "a\x00b", "line\n", "\x7f", "é"} {
		if _, err := s.Put(t.Context(), name, nil, 0); err == nil {
			t.Errorf("Put %q: got no error", name)
		}
		if _, _, err := s.Get(t.Context(), name); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get %q: got %v, want a refusal", name, err)
		}
		if err := s.Delete(t.Context(), name); err == nil {
			t.Errorf("Delete %q: got no error", name)
		}
	}
	wantNames(t, s, nil)
}

func testLarge(t *testing.T, open func() store.Store) {
	s := open()
	large := strings.Repeat("x", store.MaxSize)
	put(t, s, strings.Repeat("n", 200), large, 0)
	want(t, s, strings.Repeat("n", 200), large, 1)
	if _, err := s.Put(t.Context(), "larger", []byte(large+"x"), 0); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("Put of %d bytes: got %v, want %v", len(large)+1, err, store.ErrTooLarge)
	}
	if _, _, err := s.Get(t.Context(), "larger"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of what was refused: got %v, want %v", err, store.ErrNotFound)
	}
}

func testDurable(t *testing.T, open func() store.Store) {
	s := open()
	put(t, s, "stays", "one", 0)
	put(t, s, "stays", "two", 1)
	put(t, s, "goes", "one", 0)
	if err := s.Delete(t.Context(), "goes"); err != nil {
		t.Fatal(err)
	}
	s = open()
	want(t, s, "stays", "two", 2)
	wantNames(t, s, []string{"stays"})
	put(t, s, "stays", "three", 2)
	want(t, open(), "stays", "three", 3)
}

func testCancelled(t *testing.T, open func() store.Store) {
	s := open()
	put(t, s, "a", "one", 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, getErr := s.Get(ctx, "a")
	_, putErr := s.Put(ctx, "a", []byte("two"), 1)
	_, listErr := s.List(ctx)
	for op, err := range map[string]error{"get": getErr, "put": putErr, "list": listErr, "delete": s.Delete(ctx, "a")} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want %v", op, err, context.Canceled)
		}
	}
	want(t, s, "a", "one", 1)
}

// testConcurrent lets writers race for each version of one record: of those that
// saw the same version exactly one may win, so no increment is lost.
func testConcurrent(t *testing.T, open func() store.Store) {
	const writers, rounds = 8, 5
	s := open()
	put(t, s, "shared", "0", 0)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			put(t, s, fmt.Sprintf("own/%d", w), "mine", 0)
			for range rounds {
				if err := increment(t.Context(), s, "shared"); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	all.Wait()
	want(t, s, "shared", fmt.Sprint(writers*rounds), writers*rounds+1)
	for w := range writers {
		want(t, s, fmt.Sprintf("own/%d", w), "mine", 1)
	}
}

// increment adds one to a number in a record, however often another is faster.
func increment(ctx context.Context, s store.Store, name string) error {
	for {
		value, v, err := s.Get(ctx, name)
		if err != nil {
			return err
		}
		var n int
		if _, err := fmt.Sscan(string(value), &n); err != nil {
			return err
		}
		_, err = s.Put(ctx, name, []byte(fmt.Sprint(n+1)), v)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

func put(t *testing.T, s store.Store, name, value string, was store.Version) store.Version {
	t.Helper()
	v, err := s.Put(t.Context(), name, []byte(value), was)
	if err != nil {
		t.Errorf("Put %.40q: %v", name, err)
	}
	return v
}

func want(t *testing.T, s store.Store, name, value string, v store.Version) {
	t.Helper()
	got, version, err := s.Get(t.Context(), name)
	if err != nil || !bytes.Equal(got, []byte(value)) || version != v {
		t.Errorf("Get %.40q: got %.40q at %d, %v, want %.40q at %d", name, got, version, err, value, v)
	}
}

func wantNames(t *testing.T, s store.Store, names []string) {
	t.Helper()
	got, err := s.List(t.Context())
	if err != nil {
		t.Errorf("List: %v", err)
	}
	if diff := cmp.Diff(got, names); diff != "" && len(got)+len(names) > 0 {
		t.Errorf("List: -got +want:\n%s", diff)
	}
}
