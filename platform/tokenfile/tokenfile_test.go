package tokenfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"regent/platform/files"
)

const sample = "dG9rZW4tMDEyMzQ1Njc4OQ=="

// parse takes all content but what says that it is bad.
func parse(content []byte) ([]byte, error) {
	if bytes.Contains(content, []byte("bad")) {
		return nil, errors.New("is bad")
	}
	return bytes.TrimSpace(content), nil
}

// writeTokenFile writes content to a new file that only this user may read.
func writeTokenFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "registration-token")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	path := writeTokenFile(t, " \r\n"+sample+"\r\n")
	got, _, err := Read(path, parse)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != sample {
		t.Errorf("got %q, want %q", got, sample)
	}
}

func TestReadNotYetToken(t *testing.T) {
	tests := []struct {
		name string
		path string
		want error
	}{
		{"no file", filepath.Join(t.TempDir(), "none"), ErrMissing},
		{"no directory", filepath.Join(t.TempDir(), "none", "none"), ErrMissing},
		{"empty", writeTokenFile(t, ""), ErrEmpty},
		{"blank", writeTokenFile(t, "\n \n"), ErrEmpty},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Read(tt.path, parse)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if err != nil && !strings.Contains(err.Error(), tt.path) {
				t.Errorf("the error does not name the file: %v", err)
			}
		})
	}
	if err := openError("F", &fs.PathError{Op: "open", Path: "F", Err: fs.ErrPermission}); !errors.Is(err, ErrNotPermitted) {
		t.Errorf("got %v, want %v", err, ErrNotPermitted)
	}
}

// An empty file that everybody may write is somebody's touch before the chmod:
// not yet a token, and no complaint.
func TestReadEmptyFileIgnoresMode(t *testing.T) {
	path := writeTokenFile(t, "")
	chmod(t, path, 0o666)
	if _, _, err := Read(path, parse); !errors.Is(err, ErrEmpty) {
		t.Errorf("got %v, want %v", err, ErrEmpty)
	}
}

// TestClosedDirectory: a directory that this process may not open is one all the
// same, and no file that another process will take.
func TestClosedDirectory(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{dir: "is a directory", filepath.Join(dir, "none"): ErrNotPermitted.Error()} {
		if err := openError(path, fs.ErrPermission); !strings.Contains(err.Error(), want) || errors.Is(err, ErrNotPermitted) != (path != dir) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(writeTokenFile(t, sample), link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	tests := []struct {
		name, path, want string
	}{
		{"link", link, "symbolic link"},
		{"directory", dir, "is a directory"},
		{"no token", writeTokenFile(t, "bad"), "is bad"},
		{"too long", writeTokenFile(t, strings.Repeat("x", MaxSize+1)), "has more than 64 KiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, _, err := Read(tt.path, parse)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.path) {
				t.Errorf("got %v, want %q and the path", err, tt.want)
			}
			if token != nil {
				t.Error("a refused file was read")
			}
		})
	}
}

func TestReadLargestFile(t *testing.T) {
	want := strings.Repeat("x", MaxSize)
	got, _, err := Read(writeTokenFile(t, want), parse)
	if err != nil || string(got) != want {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, MaxSize)
	}
}

func TestCredential(t *testing.T) {
	path := writeTokenFile(t, sample+"\n")
	chmod(t, path, 0o440) // as the service manager makes them for a group
	dir, name := filepath.Split(path)
	got, err := Credential(dir, name, parse)
	if err != nil || string(got) != sample {
		t.Errorf("got %q, %v, want %q", got, err, sample)
	}
	for _, dir := range []string{"", t.TempDir()} {
		if _, err := Credential(dir, name, parse); !errors.Is(err, ErrMissing) {
			t.Errorf("dir %q: got %v, want %v", dir, err, ErrMissing)
		}
	}
	for _, name := range []string{"", ".", "..", "../" + name, "a/b", "/etc/passwd"} {
		if _, err := Credential(dir, name, parse); err == nil || errors.Is(err, ErrMissing) {
			t.Errorf("name %q: got %v, want a refusal", name, err)
		}
	}
}

func TestRemove(t *testing.T) {
	tests := []struct {
		name    string
		between func(t *testing.T, path string)
		want    error
		gone    bool
	}{
		{"the same file", func(*testing.T, string) {}, nil, true},
		{"gone already", remove, nil, true},
		{"written again", func(t *testing.T, path string) { write(t, path, sample[2:]) }, ErrChanged, false},
		{"replaced", func(t *testing.T, path string) {
			other := writeTokenFile(t, sample)
			if err := os.Rename(other, path); err != nil {
				t.Fatal(err)
			}
		}, ErrChanged, false},
		{"replaced by a directory", func(t *testing.T, path string) {
			remove(t, path)
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, ErrChanged, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := writeTokenFile(t, sample)
			_, id, err := Read(path, parse)
			if err != nil {
				t.Fatal(err)
			}
			tt.between(t, path)
			if err := Remove(path, id); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			_, err = os.Lstat(path)
			if gone := errors.Is(err, fs.ErrNotExist); gone != tt.gone {
				t.Errorf("gone: got %v, want %v", gone, tt.gone)
			}
		})
	}
}

// The same bytes written again with the old time put back are another file
// where the system keeps a time of change.
func TestRemoveDetectsRewrittenFile(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system tells no time of change")
	}
	path := writeTokenFile(t, sample)
	old := time.Unix(1_000_000_000, 0)
	chtimes(t, path, old)
	_, id, err := Read(path, parse)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.ToUpper(sample))
	chtimes(t, path, old)
	if err := Remove(path, id); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want %v", err, ErrChanged)
	}
}

func TestRemoveRefusesNoIdentity(t *testing.T) {
	path := writeTokenFile(t, sample)
	if err := Remove(path, Identity{}); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want %v", err, ErrChanged)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the file went: %v", err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func chtimes(t *testing.T, path string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// TestErrorsNamePathOnce: an error says the path once, at its front, so that a text
// which has the path already can leave it out.
func TestErrorsNamePathOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	gone := &fs.PathError{Op: "unlink", Path: path, Err: fs.ErrPermission}
	moved := &os.LinkError{Op: "rename", Old: path, New: path + "x", Err: fs.ErrPermission}
	for _, err := range []error{
		newError(path, ErrEmpty), readError(path, gone), openError(path, errors.New("odd")),
		unremovableError(path, fmt.Errorf("cannot be removed: %w", files.TrimPath(gone))), readError(path, files.TrimPath(moved)),
	} {
		text, reason := err.Error(), Reason(err).Error()
		if strings.Count(text, path) != 1 || !strings.HasPrefix(text, "registration token "+path+": ") || strings.Contains(reason, path) {
			t.Errorf("%q, and without the path %q", text, reason)
		}
	}
}
