package peer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const dialEnv = "PEER_TEST_DIAL"

// TestMain lets the test binary be the other process too: it connects, then
// does what its standard input says until that ends.
func TestMain(m *testing.M) {
	path := os.Getenv(dialEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	if err := child(path); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
}

func child(path string) error {
	if path != "already" {
		c, err := net.Dial("unix", path)
		if err != nil {
			return err
		}
		defer c.Close()
		f, err := c.(*net.UnixConn).File() // a duplicate that survives exec once told so
		if err != nil {
			return err
		}
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if errors.Is(err, io.EOF) {
		return nil
	}
	if next, ok := strings.CutPrefix(strings.TrimSpace(line), "exec "); ok {
		return syscall.Exec(next, []string{next}, []string{dialEnv + "=already"})
	}
	return err
}

// childProcess is a process of ours that has connected.
type childProcess struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	conn net.Conn // our end
}

// start runs exe, which is the test binary or a copy of it, and accepts its
// connection.
func start(t *testing.T, exe string, cred *syscall.Credential) *childProcess {
	t.Helper()
	path := filepath.Join(openDir(t), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	o := &childProcess{cmd: exec.CommandContext(t.Context(), exe)}
	o.cmd.Env = []string{dialEnv + "=" + path}
	o.cmd.Stderr = t.Output()
	o.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	if o.in, err = o.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	o.out = bufio.NewReader(out)
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.in.Close(); o.cmd.Wait() })
	o.ready(t)
	if o.conn, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.conn.Close() })
	return o
}

// ready waits for the process to say that it is.
func (o *childProcess) ready(t *testing.T) {
	t.Helper()
	if line, err := o.out.ReadString('\n'); line != "ready\n" {
		t.Fatalf("child said %q, %v", line, err)
	}
}

// become makes the process execute another file.
func (o *childProcess) become(t *testing.T, exe string) {
	t.Helper()
	if _, err := fmt.Fprintln(o.in, "exec "+exe); err != nil {
		t.Fatal(err)
	}
	o.ready(t)
}

// exit ends the process without reaping it.
func (o *childProcess) exit(t *testing.T, p *Peer) {
	t.Helper()
	o.in.Close()
	fds := []unix.PollFd{{Fd: int32(p.process.fd), Events: unix.POLLIN}}
	if n, err := unix.Poll(fds, 20_000); n != 1 {
		t.Fatalf("child did not exit: %v", err)
	}
}

// openDir is a temporary directory that every user may enter.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func self(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// copySelf puts a copy of the test binary at path.
func copySelf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(self(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// peerOf identifies the other process.
func peerOf(t *testing.T, o *childProcess) *Peer {
	t.Helper()
	p, err := Identify(o.conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}
