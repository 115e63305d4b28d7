package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestReservedConnectionsNeedTheHostsUser: root of a container, which is uid 0 too, uses no
// connection that is reserved for root.
func TestReservedConnectionsNeedTheHostsUser(t *testing.T) {
	const dial = "REGENTD_TEST_DIAL"
	if socket := os.Getenv(dial); socket != "" { // the test's own child
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.Copy(io.Discard, os.Stdin)
		return
	}
	if os.Getuid() != 0 {
		t.Skip("only root makes a PID namespace; run this test as root")
	}
	socket := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cs := newCallerResolver(os.Getuid(), time.Now)
	for _, tt := range []struct {
		name  string
		flags uintptr
		want  bool
	}{
		{"root of the system", 0, true},
		{"root in a PID namespace", syscall.CLONE_NEWPID, false},
	} {
		child := exec.CommandContext(t.Context(), self, "-test.run=^TestReservedConnectionsNeedTheHostsUser$")
		child.Env = append(os.Environ(), dial+"="+socket)
		child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: tt.flags}
		stdin, err := child.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got := cs.privileged(c, "0"); got != tt.want {
			t.Errorf("%s: privileged %v", tt.name, got)
		}
		c.Close()
		stdin.Close()
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
	}
}
