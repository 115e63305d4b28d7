package stories

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// holderWithoutLeader is a process whose first thread has ended: it lives as long as
// another one does, and its lease with it.
func holderWithoutLeader(t *testing.T, b *victim) {
	a := startAttacker(t, exec.Command(b.program, "leaderless"))
	a.expect(t, "ready")
	awaitLeaderExit(t, a)
	a.send(t, "connect "+b.socket(), "connected")
	a.send(t, "ask", granted)
	second := startAttacker(t, exec.Command(b.program))
	second.send(t, "connect "+b.socket(), "connected")
	second.send(t, "ask", "409 no_free_instance")
	a.send(t, "ask", granted)
	a.end()
	second.send(t, "ask", granted)
}

// zombieHolder is a holder that has ended and that nobody reaps: the instance is free.
func zombieHolder(t *testing.T, b *victim) {
	a := startAttacker(t, exec.Command(b.program))
	a.send(t, "connect "+b.socket(), "connected")
	a.send(t, "ask", granted)
	a.in.Close()
	if err := unix.Waitid(unix.P_PID, a.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	second := startAttacker(t, exec.Command(b.program))
	second.send(t, "connect "+b.socket(), "connected")
	second.send(t, "ask", granted)
}

// closedConnection is a holder that has closed its connection and lives: the instance stays
// its own.
func closedConnection(t *testing.T, b *victim) {
	a := startAttacker(t, exec.Command(b.program))
	a.send(t, "connect "+b.socket(), "connected")
	a.send(t, "ask", granted)
	a.send(t, "close", "closed")
	second := startAttacker(t, exec.Command(b.program))
	second.send(t, "connect "+b.socket(), "connected")
	second.send(t, "ask", "409 no_free_instance")
	a.send(t, "connect "+b.socket(), "connected")
	a.send(t, "ask", granted)
}

// awaitLeaderExit waits until the first thread of a process has ended.
func awaitLeaderExit(t *testing.T, a *attacker) {
	t.Helper()
	for until := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		_, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", a.cmd.Process.Pid))
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("its first thread lives on: %v", err)
		}
	}
}
