package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/agent/store"
)

var testKey = bytes.Repeat([]byte{7}, store.KeySize)

func open(t testing.TB, dir string) *store.Sealed {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: dir, Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustPut(t testing.TB, s store.Store, name, value string, was store.Version) {
	t.Helper()
	if _, err := s.Put(t.Context(), name, []byte(value), was); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	linked := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(linked, store.RecordsDir)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		options store.Options
		want    string
	}{
		{"no directory", store.Options{Key: testKey}, "the state directory is missing"},
		{"no key", store.Options{Dir: t.TempDir()}, "0 bytes, want 32"},
		{"short key", store.Options{Dir: t.TempDir(), Key: testKey[1:]}, "31 bytes, want 32"},
		{"missing directory", store.Options{Dir: filepath.Join(t.TempDir(), "none"), Key: testKey}, "no such file"},
		{"file for a directory", store.Options{Dir: file, Key: testKey}, "not a directory"},
		{"linked records", store.Options{Dir: linked, Key: testKey}, "symbolic link"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := store.Open(t.Context(), tt.options)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestModesDoNotDependOnTheUmask(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	mustPut(t, s, "cad/1", "secret", 0)
	wantMode(t, filepath.Join(dir, store.RecordsDir), 0o700)
	wantMode(t, filepath.Join(dir, store.RecordsDir, "r-cad%2f1.rec"), 0o600)
}

func wantMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	i, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := i.Mode().Perm(); got != want {
		t.Errorf("%s: got mode %o, want %o", path, got, want)
	}
}

// TestNoPlaintext looks for the value, in whole and in part, in every file.
func TestNoPlaintext(t *testing.T) {
	const canary = "CANARY-0123456789"
	dir := t.TempDir()
	mustPut(t, open(t, dir), "cad/1", canary, 0)
	files := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(canary[:8])) || bytes.Contains(content, testKey[:8]) {
			t.Errorf("%s holds a secret in clear", path)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("looked at %d files, %v", files, err)
	}
}

func TestOpenSweepsUnfinishedWrites(t *testing.T) {
	dir := t.TempDir()
	mustPut(t, open(t, dir), "a", "one", 0)
	records := filepath.Join(dir, store.RecordsDir)
	kept := []string{"r-a.rec.corrupt-1", "note.txt"}
	for _, name := range append([]string{"t-ABC.tmp", "t-.tmp"}, kept...) {
		if err := os.WriteFile(filepath.Join(records, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir)
	entries, err := os.ReadDir(records)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(entries), len(kept)+1; got != want {
		t.Errorf("got %d files %v, want %d", got, entries, want)
	}
	if names, err := s.List(t.Context()); err != nil || len(names) != 1 {
		t.Errorf("List: got %q, %v, want only a", names, err)
	}
}

func TestSubkeys(t *testing.T) {
	a, b := open(t, t.TempDir()), open(t, t.TempDir())
	subkey := func(s *store.Sealed, label string) []byte {
		t.Helper()
		key, err := s.Subkey(label)
		if err != nil || len(key) != store.KeySize {
			t.Fatalf("Subkey(%q): got %d bytes, %v", label, len(key), err)
		}
		return key
	}
	ledger := subkey(a, "ledger")
	if !bytes.Equal(ledger, subkey(b, "ledger")) {
		t.Error("one data key and one label give two keys")
	}
	if bytes.Equal(ledger, subkey(a, "mark")) || bytes.Equal(ledger, testKey) {
		t.Error("another label gives the same key, or the data key itself")
	}
}

// TestSealedAgainstModel compares the store, reopened at any time, with a map.
func TestSealedAgainstModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := &machine{t: t, dir: t.TempDir(), model: map[string]modelRecord{}}
		m.s = open(t, m.dir)
		r.Repeat(map[string]func(*rapid.T){
			"put": m.put, "get": m.get, "delete": m.delete, "reopen": m.reopen, "": m.check,
		})
	})
}

type modelRecord struct {
	value   string
	version store.Version
}

type machine struct {
	t     *testing.T
	dir   string
	s     *store.Sealed
	model map[string]modelRecord
}

func drawName(r *rapid.T) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"a", "A", "cad/1", "con"}),
		rapid.StringMatching(`[ -~]{1,200}`),
	).Draw(r, "name")
}

func (m *machine) put(r *rapid.T) {
	name, value := drawName(r), rapid.String().Draw(r, "value")
	was := store.Version(rapid.Uint64Range(0, 3).Draw(r, "was"))
	v, err := m.s.Put(m.t.Context(), name, []byte(value), was)
	if fits := m.model[name].version == was; fits != (err == nil) {
		r.Fatalf("Put %q over %d: got %v, model is at %d", name, was, err, m.model[name].version)
	}
	if err == nil {
		m.model[name] = modelRecord{value, v}
	}
}

func (m *machine) get(r *rapid.T) {
	name := drawName(r)
	value, v, err := m.s.Get(m.t.Context(), name)
	want, ok := m.model[name]
	if ok != (err == nil) || string(value) != want.value || v != want.version {
		r.Fatalf("Get %q: got %q at %d, %v, want %q at %d", name, value, v, err, want.value, want.version)
	}
}

func (m *machine) delete(r *rapid.T) {
	name := drawName(r)
	if err := m.s.Delete(m.t.Context(), name); err != nil {
		r.Fatal(err)
	}
	delete(m.model, name)
}

func (m *machine) reopen(r *rapid.T) {
	if err := m.s.Close(); err != nil {
		r.Fatal(err)
	}
	m.s = open(m.t, m.dir)
}

func (m *machine) check(r *rapid.T) {
	names, err := m.s.List(m.t.Context())
	if err != nil || len(names) != len(m.model) {
		r.Fatalf("List: got %q, %v, want %d names", names, err, len(m.model))
	}
	for _, name := range names {
		if _, ok := m.model[name]; !ok {
			r.Fatalf("List: %q was never put", name)
		}
	}
}
