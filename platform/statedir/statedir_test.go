package statedir

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const childEnv = "STATEDIR_TEST_OPEN"

// TestMain lets the test binary be the other daemon: it opens the directory and
// holds it until it is killed or its standard input ends.
func TestMain(m *testing.M) {
	path := os.Getenv(childEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	d, err := Open(path)
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("held\n")
	io.Copy(io.Discard, os.Stdin)
	d.Close()
}

// child is another process that holds the directory.
type child struct {
	*exec.Cmd
	stdin io.Closer
}

func startChild(t *testing.T, path string) (c child, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(cmd.Environ(), childEnv+"="+path)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	must(t, err)
	return child{cmd, stdin}, strings.TrimSpace(line)
}

func TestOpenMakesItPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "var", "lib", "regent")
	d, err := Open(path)
	must(t, err)
	defer d.Close()
	if d.Path() != path {
		t.Errorf("Path: got %s, want %s", d.Path(), path)
	}
	for p, want := range map[string]os.FileMode{path: 0o700, filepath.Join(path, LockName): 0o600} {
		if i, err := os.Lstat(p); err != nil || i.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want mode %o", p, i, err, want)
		}
	}
}

func TestLockIsExclusive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	first, err := Open(path)
	must(t, err)
	_, err = Open(path)
	held, ok := errors.AsType[*LockedError](err)
	if !ok || !errors.Is(err, ErrLocked) || held.PID != os.Getpid() || held.Since.IsZero() || held.Path != path {
		t.Errorf("second Open: got %v, want a HeldError that names pid %d", err, os.Getpid())
	}
	must(t, first.Close())
	again, err := Open(path)
	must(t, err)
	must(t, again.Close())
}

// TestStaleLockFile leaves its lock file behind, and no lock.
func TestStaleLockFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	c, said := startChild(t, path)
	if said != "held" {
		t.Fatalf("child: %s", said)
	}
	_, err := Open(path)
	if held, ok := errors.AsType[*LockedError](err); !ok || held.PID != c.Process.Pid {
		t.Errorf("while it lives: got %v, want a HeldError that names pid %d", err, c.Process.Pid)
	}
	must(t, c.Process.Kill())
	c.Wait() // its error is that it was killed
	d, err := Open(path)
	must(t, err)
	defer d.Close()
	if _, said := startChild(t, path); !strings.Contains(said, "is in use by the process with pid") {
		t.Errorf("another process: said %q, want who holds it", said)
	}
}

// TestLockIsNotInherited closes the directory while a child that was started
// meanwhile lives on.
func TestLockIsNotInherited(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	d, err := Open(path)
	must(t, err)
	c, said := startChild(t, filepath.Join(t.TempDir(), "other"))
	if said != "held" {
		t.Fatalf("child: %s", said)
	}
	must(t, d.Close())
	again, err := Open(path)
	must(t, err)
	must(t, again.Close())
	must(t, c.stdin.Close())
	must(t, c.Wait())
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, path string)
		want string
	}{
		{"file", func(t *testing.T, path string) { must(t, os.WriteFile(path, nil, 0o600)) }, "is not a directory; move it away"},
		{"link", func(t *testing.T, path string) { must(t, os.Symlink(t.TempDir(), path)) }, "is a symbolic link; set its target"},
		{"dangling link", func(t *testing.T, path string) { must(t, os.Symlink(path+"-none", path)) }, "is a symbolic link"},
		{"linked lock", func(t *testing.T, path string) {
			must(t, os.Mkdir(path, 0o700))
			must(t, os.Symlink("/etc/passwd", filepath.Join(path, LockName)))
		}, "lock is not a regular file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			tt.make(t, path)
			_, err := Open(path)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want one with %q and the path", err, tt.want)
			}
		})
	}
}

// TestUnreadableLockFile is a holder that has not written its name yet, or junk.
func TestUnreadableLockFile(t *testing.T) {
	tests := []struct {
		content string
		pid     int
		since   time.Time
	}{
		{"", 0, time.Time{}},
		{"\n", 0, time.Time{}},
		{"-1 x", 0, time.Time{}},
		{"12", 12, time.Time{}},
		{"12 2026-01-02T03:04:05Z\n", 12, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
	}
	for _, tt := range tests {
		lock := filepath.Join(t.TempDir(), LockName)
		must(t, os.WriteFile(lock, []byte(tt.content), 0o600))
		held, ok := errors.AsType[*LockedError](lockedError("/state", lock))
		if !ok || held.PID != tt.pid || !held.Since.Equal(tt.since) {
			t.Errorf("%q: got %+v, want pid %d since %s", tt.content, held, tt.pid, tt.since)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
