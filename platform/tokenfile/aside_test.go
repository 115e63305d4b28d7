package tokenfile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestSetAside(t *testing.T) {
	path := writeTokenFile(t, "one")
	set := func(content string) (string, error) {
		write(t, path, content)
		_, id, err := Read(path, parse)
		if err != nil {
			t.Fatal(err)
		}
		return SetAside(path, id)
	}
	for _, step := range []struct{ content, want string }{
		{"one", path + ".unproven"},
		{"two", path + ".unproven-2"},
		{"one\n", path + ".unproven"}, // it is kept already
		{"three", path + ".unproven-3"},
	} {
		if got, err := set(step.content); got != step.want || err != nil {
			t.Errorf("%q: got %s, %v, want %s", step.content, got, err, step.want)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: the file is still there: %v", step.content, err)
		}
	}
	want := []string{path + ".unproven", path + ".unproven-2", path + ".unproven-3"}
	if got := ListAside(path); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for i, content := range []string{"one", "two", "three"} {
		if got, err := os.ReadFile(want[i]); err != nil || string(got) != content {
			t.Errorf("%s: got %q, %v, want %q", want[i], got, err, content)
		}
		if info, err := os.Stat(want[i]); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v, want 0600", want[i], info.Mode(), err)
		}
	}
	for _, content := range []string{"4", "5", "6", "7", "8", "9"} {
		if _, err := set(content); err != nil {
			t.Error(err)
		}
	}
	if _, err := set("10"); err == nil || !strings.Contains(err.Error(), "rm "+path+".unproven*") {
		t.Errorf("got %v, want what to do", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "10" {
		t.Errorf("the tenth: got %q, %v", got, err)
	}
}

func TestSetAsideKeepsNewerFile(t *testing.T) {
	path := writeTokenFile(t, "one")
	_, id, err := Read(path, parse)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "another")
	if _, err := SetAside(path, id); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want %v", err, ErrChanged)
	}
	remove(t, path)
	if name, err := SetAside(path, id); name != "" || err != nil {
		t.Errorf("gone: got %q, %v", name, err)
	}
}

func TestIsAside(t *testing.T) {
	for name, want := range map[string]bool{
		"token.unproven": true, "token.unproven-2": true, "token.unproven-9": true,
		"token": false, "token.unproven-1": false, "token.unproven-10": false, "token.unproven-x": false, "token.unproven.bak": false, "token.unproven-02": false,
	} {
		if got := IsAside(filepath.Join("dir", name)); got != want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// TestClear: no part of what may be the only copy is removed before the service
// has accepted the whole.
func TestClear(t *testing.T) {
	path := writeTokenFile(t, "")
	accepted := map[string]bool{}
	bring := func(content string, doubtful bool) string {
		t.Helper()
		write(t, path, content)
		token, id, err := Read(path, parse)
		if err != nil {
			t.Fatal(err)
		}
		name, err := Clear(path, id, doubtful, func() bool { return accepted[string(token)] })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: the file is still there: %v", content, err)
		}
		return name
	}
	if got := bring("sound", false); got != "" {
		t.Errorf("alone and sound: kept as %s", got)
	}
	for _, step := range []struct {
		content  string
		doubtful bool
		want     string
	}{
		{"head", true, ".unproven"},
		{"tail", false, ".unproven-2"}, // it may be the rest
		{"strange", true, ".unproven-3"},
		{"headtail", false, ".unproven-4"},
	} {
		if got := bring(step.content+"\n", step.doubtful); got != path+step.want {
			t.Errorf("%s: kept as %q, want %s", step.content, got, step.want)
		}
	}
	_, id, err := Read(path+".unproven-4", parse)
	if err != nil {
		t.Fatal(err)
	}
	if err := ClearAside(path+".unproven-4", id); err != nil {
		t.Fatal(err)
	}
	if got, want := ListAside(path), []string{path + ".unproven-3"}; !slices.Equal(got, want) {
		t.Errorf("once the whole was taken: got %v, want %v", got, want)
	}
	accepted["so strange it is"] = true
	if got := bring("so strange it is", false); got != "" || len(ListAside(path)) != 0 {
		t.Errorf("taken at once: kept %q, %v", got, ListAside(path))
	}
}
