package store_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"regent/agent/store"
)

// damaged is a store whose record "a" is damaged and "b" is not.
func damaged(t *testing.T, damage func(t *testing.T, file string)) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, dir)
	mustPut(t, s, "a", "value of a", 0)
	mustPut(t, s, "b", "value of b", 0)
	file = filepath.Join(dir, store.RecordsDir, "r-a.rec")
	damage(t, file)
	return dir, file
}

func TestVerifyDamage(t *testing.T) {
	rewrite := func(change func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, file string) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, file, change(content))
		}
	}
	tests := map[string]func(t *testing.T, file string){
		"zero length": rewrite(func([]byte) []byte { return nil }),
		"zeroed":      rewrite(func(b []byte) []byte { return make([]byte, len(b)) }),
		"grown":       rewrite(func(b []byte) []byte { return append(b, 0) }),
		"huge":        rewrite(func(b []byte) []byte { return append(b, make([]byte, 2*store.MaxSize)...) }),
		"other content": rewrite(func([]byte) []byte {
			return []byte("this was never a record, and is longer than the header of one would be")
		}),
		"another record's content": func(t *testing.T, file string) {
			content, err := os.ReadFile(filepath.Join(filepath.Dir(file), "r-b.rec"))
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, file, content)
		},
		"symbolic link": func(t *testing.T, file string) {
			kept := filepath.Join(t.TempDir(), "moved")
			must(t, os.Rename(file, kept))
			must(t, os.Symlink(kept, file))
		},
		"link to a sound record": func(t *testing.T, file string) {
			must(t, os.Remove(file))
			must(t, os.Symlink("r-b.rec", file))
		},
		"directory": func(t *testing.T, file string) {
			must(t, os.Remove(file))
			must(t, os.Mkdir(file, 0o700))
		},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, func(t *testing.T) {
			dir, file := damaged(t, tests[name])
			wantRefused(t, dir, file, store.ErrKey)
		})
	}
}

func TestDetectsFlippedAndCutBytes(t *testing.T) {
	dir, file := damaged(t, func(*testing.T, string) {})
	content, err := os.ReadFile(file)
	must(t, err)
	s := open(t, dir)
	refused := func(what string, i int, b []byte) {
		overwrite(t, file, b)
		if value, _, err := s.Get(t.Context(), "a"); !errors.Is(err, store.ErrKey) {
			t.Errorf("%s %d of %d: got %q, %v, want %v", what, i, len(content), value, err, store.ErrKey)
		}
	}
	for i := range content {
		flipped := bytes.Clone(content)
		flipped[i] ^= 1 << (i % 8)
		refused("flipped byte", i, flipped)
		refused("cut at", i, content[:i])
	}
	overwrite(t, file, content)
	if _, _, err := s.Get(t.Context(), "a"); err != nil {
		t.Errorf("the original put back: %v", err)
	}
}

// TestNewerFormatIsLeftIntact is the older release that finds the state of a
// newer one.
func TestNewerFormatIsLeftIntact(t *testing.T) {
	const formatAt = 7
	dir, file := damaged(t, func(t *testing.T, file string) {
		content, err := os.ReadFile(file)
		must(t, err)
		content[formatAt]++
		overwrite(t, file, content)
	})
	wantRefused(t, dir, file, store.ErrNewer)
}

func TestWrongKey(t *testing.T) {
	dir, file := damaged(t, func(*testing.T, string) {})
	before, err := os.ReadFile(file)
	must(t, err)
	s, err := store.Open(t.Context(), store.Options{Dir: dir, Key: bytes.Repeat([]byte{8}, store.KeySize)})
	must(t, err)
	defer s.Close()
	if _, err := s.Put(t.Context(), "a", nil, 1); !errors.Is(err, store.ErrKey) {
		t.Errorf("Put: got %v, want %v", err, store.ErrKey)
	}
	found, sound, err := s.Verify(t.Context())
	if len(found) != 2 || sound != 0 || err != nil {
		t.Errorf("Verify: got %v and %d sound, %v, want 2 and 0", found, sound, err)
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the record changed: %v", err)
	}
}

// TestDetectsOlderCopy puts back what a backup would, and takes a
// file away, under the eyes of one process.
func TestDetectsOlderCopy(t *testing.T) {
	dir, file := damaged(t, func(*testing.T, string) {})
	s := open(t, dir)
	older, err := os.ReadFile(file)
	must(t, err)
	mustPut(t, s, "a", "newer", 1)
	for name, damage := range map[string]func(){
		"older": func() { overwrite(t, file, older) },
		"gone":  func() { must(t, os.Remove(file)) },
	} {
		damage()
		if _, _, err := s.Get(t.Context(), "a"); !errors.Is(err, store.ErrKey) {
			t.Errorf("%s: Get: got %v, want %v", name, err, store.ErrKey)
		}
		for was := range store.Version(3) {
			if _, err := s.Put(t.Context(), "a", nil, was); !errors.Is(err, store.ErrKey) {
				t.Errorf("%s: Put over %d: got %v, want %v", name, was, err, store.ErrKey)
			}
		}
		overwrite(t, file, older)
	}
	if _, _, err := open(t, dir).Get(t.Context(), "a"); err != nil {
		t.Errorf("another process: got %v: one file cannot tell that it is old", err)
	}
}

// TestVerifyMissingRecord: a record that is taken away under the eyes of the
// process is damage, and no number of later writes makes up for it.
func TestVerifyMissingRecord(t *testing.T) {
	dir, file := damaged(t, func(*testing.T, string) {})
	s := open(t, dir)
	mustPut(t, s, "a", "newer", 1)
	before, err := s.Level(t.Context())
	must(t, err)
	must(t, os.Remove(file))
	found, sound, err := s.Verify(t.Context())
	if err != nil || sound != 1 || len(found) != 1 || found[0].Name != "a" || found[0].Path != file || !errors.Is(found[0].Err, store.ErrKey) {
		t.Errorf("Verify: got %+v and %d sound, %v, want a at %s", found, sound, err, file)
	}
	if level, err := s.Level(t.Context()); level != before || err != nil {
		t.Errorf("Level: got %d, %v, want %d: it only ever grows", level, err, before)
	}
	if moved, err := s.SetAside(t.Context(), found); err != nil || len(moved) > 0 {
		t.Errorf("SetAside of a file that is gone: got %q, %v", moved, err)
	}
	if _, _, err := s.Get(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get once that was accepted: got %v, want %v", err, store.ErrNotFound)
	}
}

func TestVerifyHashedName(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	long := string(bytes.Repeat([]byte{'A'}, 200))
	mustPut(t, s, long, "value", 0)
	files, err := filepath.Glob(filepath.Join(dir, store.RecordsDir, "h-*.rec"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got %v, %v, want one file with a hashed name", files, err)
	}
	if _, sound, err := s.Verify(t.Context()); sound != 1 || err != nil {
		t.Errorf("sound: got %d, %v, want 1", sound, err)
	}
	moved := filepath.Join(filepath.Dir(files[0]), "h-00.rec")
	must(t, os.Rename(files[0], moved))
	found, sound, err := open(t, dir).Verify(t.Context())
	if err != nil || sound != 0 || len(found) != 1 || found[0].Path != moved || found[0].Name != "" {
		t.Errorf("moved: got %+v and %d sound, %v, want %s", found, sound, err, moved)
	}
}

func TestHasRecords(t *testing.T) {
	tests := []struct {
		name string
		file string // in the directory of records; a directory if it ends in /
		want bool
	}{
		{"no directory of records", "", false},
		{"empty", ".keep/", false},
		{"record, of no content", "r-a.rec", true},
		{"record with a hashed name", "h-00.rec", true},
		{"directory in a record's place", "r-a.rec/", true},
		{"unfinished write", "t-ABC.tmp", false},
		{"put aside", "r-a.rec.corrupt-1", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, store.RecordsDir, tt.file)
			switch {
			case tt.file == "":
			case tt.file[len(tt.file)-1] == '/':
				must(t, os.MkdirAll(path, 0o700))
			default:
				must(t, os.Mkdir(filepath.Dir(path), 0o700))
				overwrite(t, path, nil)
			}
			if got, err := store.HasRecords(dir); got != tt.want || err != nil {
				t.Errorf("got %t, %v, want %t", got, err, tt.want)
			}
		})
	}
	file := filepath.Join(t.TempDir(), store.RecordsDir)
	overwrite(t, file, nil)
	if got, err := store.HasRecords(filepath.Dir(file)); !got || err == nil {
		t.Errorf("file for a directory: got %t, %v, want an error, and true to be on the safe side", got, err)
	}
}

// wantRefused checks that record a is refused by every operation, named by
// Verify, left as it is by all of them, and no obstacle to record b.
func wantRefused(t *testing.T, dir, file string, want error) {
	t.Helper()
	before := snapshot(t, file)
	s := open(t, dir)
	if _, _, err := s.Get(t.Context(), "a"); !errors.Is(err, want) || !errors.Is(err, store.ErrKey) {
		t.Errorf("Get: got %v, want %v", err, want)
	}
	for was := range store.Version(3) {
		if _, err := s.Put(t.Context(), "a", []byte("new"), was); !errors.Is(err, want) {
			t.Errorf("Put over %d: got %v, want %v", was, err, want)
		}
	}
	found, sound, err := s.Verify(t.Context())
	if err != nil || sound != 1 || len(found) != 1 || found[0].Name != "a" || found[0].Path != file || !errors.Is(found[0].Err, want) {
		t.Errorf("Verify: got %+v and %d sound, %v, want a at %s", found, sound, err, file)
	}
	if has, err := store.HasRecords(dir); !has || err != nil {
		t.Errorf("HasRecords: got %t, %v, want true", has, err)
	}
	if names, err := s.List(t.Context()); err != nil || !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("List: got %q, %v, want a and b", names, err)
	}
	if value, _, err := s.Get(t.Context(), "b"); err != nil || string(value) != "value of b" {
		t.Errorf("Get of the sound record: got %q, %v", value, err)
	}
	if after := snapshot(t, file); after != before {
		t.Errorf("the original changed: got %.80q, want %.80q", after, before)
	}
}

// snapshot describes a file of any kind.
func snapshot(t *testing.T, path string) string {
	t.Helper()
	i, err := os.Lstat(path)
	must(t, err)
	if !i.Mode().IsRegular() {
		target, _ := os.Readlink(path)
		return i.Mode().String() + " " + target
	}
	content, err := os.ReadFile(path)
	must(t, err)
	return i.Mode().String() + " " + string(content)
}

func overwrite(t *testing.T, file string, content []byte) {
	t.Helper()
	must(t, os.WriteFile(file, content, 0o600))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
