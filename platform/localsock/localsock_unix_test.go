//go:build unix

package localsock_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"regent/platform/localsock"
)

const listenEnv = "LOCALSOCK_TEST_LISTEN"

// TestMain lets the test binary be a daemon that is killed.
func TestMain(m *testing.M) {
	path := os.Getenv(listenEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	if _, err := localsock.Listen(path); err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	os.Stdout.WriteString("listening\n")
	select {}
}

func listen(t *testing.T, path string) net.Listener {
	t.Helper()
	ln, err := localsock.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// checkReachable says whether a client gets through to ln by path.
func checkReachable(t *testing.T, ln net.Listener, path string) {
	t.Helper()
	c, err := localsock.Dial(t.Context(), path)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	defer c.Close()
	s, err := ln.Accept()
	if err != nil {
		t.Fatalf("accept: %v", err)
	}
	s.Close()
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.sock")
	ln := listen(t, path)
	checkReachable(t, ln, path)
	if got := ln.Addr().String(); got != path {
		t.Errorf("Addr = %q, want %q", got, path)
	}
	if got := names(t, filepath.Dir(path)); got != "agent.sock" {
		t.Errorf("beside the socket there is %q", got)
	}
	if err := errors.Join(ln.Close(), ln.Close()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if got := names(t, filepath.Dir(path)); got != "" {
		t.Errorf("after Close there is %q", got)
	}
}

// The umask is the whole process's, so this test must not run beside others.
func TestUmaskIsIgnored(t *testing.T) {
	for _, mask := range []int{0, 0o077, 0o777} {
		func() {
			dir := filepath.Join(t.TempDir(), "run")
			defer unix.Umask(unix.Umask(mask))
			ln, err := localsock.Listen(filepath.Join(dir, "agent.sock"))
			if mask == 0o777 && os.Getuid() != 0 {
				return // then not even the private directory can be entered
			}
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			for name, want := range map[string]fs.FileMode{"agent.sock": fs.ModeSocket | 0o666, ".": fs.ModeDir | 0o755} {
				st, err := os.Lstat(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				if got := st.Mode(); got != want {
					t.Errorf("umask %04o: mode of %s is %v, want %v", mask, name, got, want)
				}
			}
		}()
	}
}

// Whoever owns the directory can take the socket away and put another there.
func TestForeignDirectoryIsRefused(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("giving a directory away takes root")
	}
	for _, mode := range []fs.FileMode{0o755, 0o755 | fs.ModeSticky} {
		dir := t.TempDir()
		if err := errors.Join(os.Chmod(dir, mode), os.Chown(dir, 12345, 12345)); err != nil {
			t.Fatal(err)
		}
		if ln, err := localsock.Listen(filepath.Join(dir, "agent.sock")); err == nil {
			ln.Close()
			t.Errorf("mode %v: it listens in another user's directory", mode)
		}
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.sock")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), listenEnv+"="+path)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 20)); err != nil {
		t.Fatal(err)
	}
	if _, err := localsock.Listen(path); !errors.Is(err, localsock.ErrInUse) {
		t.Errorf("Listen beside a live daemon = %v, want ErrInUse", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if _, err := localsock.Dial(t.Context(), path); !errors.Is(err, localsock.ErrNoListener) {
		t.Errorf("Dial to a killed daemon's socket = %v, want ErrRefused", err)
	}
	checkReachable(t, listen(t, path), path)
}

func TestCloseKeepsNewerSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.sock")
	old := listen(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	next := listen(t, path)
	if err := old.Close(); err != nil {
		t.Error(err)
	}
	checkReachable(t, next, path)
}

func TestListenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(dir string) error
		path    string // below dir
		want    string
	}{
		{"a file", func(dir string) error { return os.WriteFile(dir+"/s", []byte("precious"), 0o600) }, "s", "not a socket"},
		{"a directory", func(dir string) error { return os.Mkdir(dir+"/s", 0o700) }, "s", "not a socket"},
		{"a link to a socket", func(dir string) error { return os.Symlink("nowhere", dir+"/s") }, "s", "not a socket"},
		{"a directory of everybody's", func(dir string) error { return os.Chmod(dir, 0o777) }, "s", "chmod go-w"},
		{"a directory of its group's", func(dir string) error { return os.Chmod(dir, 0o775) }, "s", "chmod go-w"},
		{"a file as its directory", func(dir string) error { return os.WriteFile(dir+"/f", nil, 0o600) }, "f/s", "not a directory"},
		{"too long", nil, strings.Repeat("x", 108), "bytes too long"},
		{"directory too long", nil, strings.Repeat("d", 107) + "/s", "bytes too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.prepare != nil {
				if err := tt.prepare(dir); err != nil {
					t.Fatal(err)
				}
			}
			before := names(t, dir)
			path := filepath.Join(dir, tt.path)
			ln, err := localsock.Listen(path)
			if err == nil {
				ln.Close()
				t.Fatal("it listens")
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("err = %v, want it to say %q and the path", err, tt.want)
			}
			if after := names(t, dir); tt.name != "directory too long" && after != before {
				t.Errorf("%q became %q", before, after)
			}
		})
	}
}

func TestStickyDirectoryIsAccepted(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "agent.sock")
	checkReachable(t, listen(t, path), path)
}

func TestDialErrors(t *testing.T) {
	if _, err := localsock.Dial(t.Context(), filepath.Join(t.TempDir(), "s")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no socket: %v, want fs.ErrNotExist", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "s")
	listen(t, path)
	if _, err := localsock.Dial(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("dial with a context that is done: %v, want context.Canceled", err)
	}
}
