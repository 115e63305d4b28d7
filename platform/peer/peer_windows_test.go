package peer_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regent/platform/localsock"
	"regent/platform/peer"
)

const callEnv = "PEER_TEST_CALL"

// TestMain lets the test binary be the caller: it connects, says a line, and waits
// until it is killed or the other end closes.
func TestMain(m *testing.M) {
	path := os.Getenv(callEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	c, err := localsock.Dial(context.Background(), path)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Fprintln(c, "hello")
	io.Copy(io.Discard, c)
}

func listen(t *testing.T) (net.Listener, string) {
	t.Helper()
	path := fmt.Sprintf(`\\.\pipe\regent-test-%d-%s`, os.Getpid(), filepath.Base(t.Name()))
	l, err := localsock.Listen(path)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l, path
}

// call has another process connect.
func call(t *testing.T) (net.Conn, *exec.Cmd) {
	t.Helper()
	return callFrom(t, os.Args[0])
}

// callFrom has a copy of the test binary connect.
func callFrom(t *testing.T, program string) (net.Conn, *exec.Cmd) {
	t.Helper()
	l, path := listen(t)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(cmd.Environ(), callEnv+"="+path)
	cmd.Stdout = t.Output()
	must(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	c, err := l.Accept()
	must(t, err)
	t.Cleanup(func() { c.Close() })
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "hello\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	return c, cmd
}

func TestIdentify(t *testing.T) {
	c, cmd := call(t)
	p, err := peer.Identify(c)
	must(t, err)
	defer p.Close()
	self, err := peer.Self()
	must(t, err)
	exe, err := os.Executable()
	must(t, err)
	if p.PID != cmd.Process.Pid || p.ParentPID != os.Getpid() || p.UID != self || !strings.EqualFold(p.Exe, exe) || p.Start == 0 {
		t.Errorf("got %+v, want pid %d of %d, user %s, image %s", p.Identity, cmd.Process.Pid, os.Getpid(), self, exe)
	}
	if len(p.GIDs) == 0 {
		t.Error("got no groups")
	}
	if !p.ByPID {
		t.Error("a PID of a pipe is not a handle from it")
	}
}

func TestProcessExit(t *testing.T) {
	c, cmd := call(t)
	p, err := peer.Identify(c)
	must(t, err)
	held, err := p.Duplicate()
	must(t, err)
	adopted, err := peer.Open(p.PID, p.Start)
	must(t, err)
	must(t, p.Alive())
	must(t, p.Recheck())
	must(t, cmd.Process.Kill())
	cmd.Wait() // its error is that it was killed
	for name, alive := range map[string]func() error{"the peer": p.Alive, "its recheck": p.Recheck, "a hold": held.Alive, "one by number": adopted.Alive} {
		if err := alive(); !errors.Is(err, peer.ErrGone) {
			t.Errorf("%s: got %v, want ErrGone", name, err)
		}
	}
	must(t, p.Close())
	must(t, p.Close())
	if err := p.Alive(); !errors.Is(err, peer.ErrClosed) {
		t.Errorf("closed: got %v, want ErrClosed", err)
	}
	must(t, held.Close())
	must(t, adopted.Close())
	if _, err := peer.Find(p.PID); !errors.Is(err, peer.ErrGone) {
		t.Errorf("Find: got %v, want ErrGone", err)
	}
}

func TestOpenChecksStart(t *testing.T) {
	p, err := peer.Find(os.Getpid())
	must(t, err)
	defer p.Close()
	if _, err := peer.Open(p.PID, p.Start+1); !errors.Is(err, peer.ErrGone) {
		t.Errorf("got %v, want ErrGone", err)
	}
}

// TestUID: whoever listens is told before a byte is sent.
func TestUID(t *testing.T) {
	if at, _ := call(t); !isSelf(t, at) {
		t.Error("a server is not told the user of its client")
	}
	l, path := listen(t)
	go l.Accept()
	c, err := localsock.Dial(t.Context(), path)
	must(t, err)
	defer c.Close()
	got, err := peer.UID(c)
	must(t, err)
	self, err := peer.Self()
	must(t, err)
	if got != self && got != peer.Superusers()[1] {
		t.Errorf("got %s, want this user (%s) or Administrators", got, self)
	}
}

func TestSHA256(t *testing.T) {
	p, err := peer.Find(os.Getpid())
	must(t, err)
	defer p.Close()
	known := peer.NewImages(time.Now)
	first, err := p.SHA256(known)
	must(t, err)
	if again, err := p.SHA256(known); err != nil || again != first || len(first) != 64 {
		t.Errorf("got %q, then %q, %v", first, again, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// isSelf reports whether the user at the other end is this one.
func isSelf(t *testing.T, c net.Conn) bool {
	t.Helper()
	got, err := peer.UID(c)
	must(t, err)
	self, err := peer.Self()
	must(t, err)
	return got == self
}
