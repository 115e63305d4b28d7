package peer

import (
	"net"
	"os"
	"strings"
	"testing"

	"regent/platform/localsock"
)

// TestServerOf: a client learns which process serves a pipe before it says
// anything.
func TestServerOf(t *testing.T) {
	const name = `\\.\pipe\regent-test-server`
	l, err := localsock.Listen(name)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go l.Accept()
	c, err := localsock.Dial(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ServerOf(c); err != nil || got.PID != os.Getpid() || !strings.EqualFold(got.Exe, exe) {
		t.Errorf("got %+v, %v, want process %d of %s", got, err, os.Getpid(), exe)
	}
	if got, err := ServerOf(new(net.TCPConn)); err == nil {
		t.Errorf("of what is no pipe: got %+v", got)
	}
}
