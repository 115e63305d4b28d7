package filewatch

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestIsReliable goes through what the system does not report to who watches the
// directory of a file.
func TestIsReliable(t *testing.T) {
	top := t.TempDir()
	if !isLocalFileSystem(top) {
		t.Skip("not run: the temporary directory is on a file system that is not believed")
	}
	at := func(name string) string { return filepath.Join(top, name) }
	for _, dir := range []string{"plain", "linked", "twice"} {
		if err := os.MkdirAll(at(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"plain/a.yaml", "target.yaml", "twice/a.yaml"} {
		if err := os.WriteFile(at(file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"linked/a.yaml": "target.yaml", "way": "plain", "link.yaml": "target.yaml"} {
		if err := os.Symlink(at(target), at(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(at("twice/a.yaml"), at("other.yaml")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path string
		want bool
	}{
		{at("plain"), true},
		{at("plain/a.yaml"), true},
		{at("plain/none.yaml"), true},
		{at("none/deep/a.yaml"), true},
		{at("linked"), false},       // a file in it is a link
		{at("link.yaml"), false},    // it is a link
		{at("way"), false},          // the directory is a link
		{at("way/a.yaml"), false},   // the way to it is
		{at("twice"), false},        // a file in it has another name
		{at("twice/a.yaml"), false}, // it has
		{"/proc/self/status", false},
	} {
		if got := isReliable(tt.path); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.path, got, tt.want)
		}
	}
	if isReliable(at("plain"), at("linked")) {
		t.Error("one that is not sure makes all of them unsure")
	}
}

// TestIsReliableOfMountedFile: a file that is mounted in another one's place changes
// where it really is.
func TestIsReliableOfMountedFile(t *testing.T) {
	top := t.TempDir()
	if !isLocalFileSystem(top) {
		t.Skip("not run: the temporary directory is on a file system that is not believed")
	}
	there, here := filepath.Join(top, "there.yaml"), filepath.Join(top, "here", "a.yaml")
	if err := os.Mkdir(filepath.Dir(here), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{there, here} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !isReliable(here, filepath.Dir(here)) {
		t.Error("it is sure before")
	}
	if err := unix.Mount(there, here, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("not run: mounting takes root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(here, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if isReliable(here) || isReliable(filepath.Dir(here)) {
		t.Error("sure of a file that is another one")
	}
}
