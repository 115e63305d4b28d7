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

// leaderless is a process whose first thread has ended: it lives as long as
// another one does, and its lease with it.
func leaderless(t *testing.T, b *besieged) {
	a := attack(t, exec.Command(b.program, "leaderless"))
	a.hears(t, "ready")
	headless(t, a)
	a.says(t, "connect "+b.socket(), "connected")
	a.says(t, "ask", granted)
	second := attack(t, exec.Command(b.program))
	second.says(t, "connect "+b.socket(), "connected")
	second.says(t, "ask", "409 no_free_instance")
	a.says(t, "ask", granted)
	a.end()
	second.says(t, "ask", granted)
}

// zombie is a holder that has ended and that nobody reaps: the instance is free.
func zombie(t *testing.T, b *besieged) {
	a := attack(t, exec.Command(b.program))
	a.says(t, "connect "+b.socket(), "connected")
	a.says(t, "ask", granted)
	a.in.Close()
	if err := unix.Waitid(unix.P_PID, a.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	second := attack(t, exec.Command(b.program))
	second.says(t, "connect "+b.socket(), "connected")
	second.says(t, "ask", granted)
}

// hungUp is a holder that has closed its connection and lives: the instance stays
// its own.
func hungUp(t *testing.T, b *besieged) {
	a := attack(t, exec.Command(b.program))
	a.says(t, "connect "+b.socket(), "connected")
	a.says(t, "ask", granted)
	a.says(t, "close", "closed")
	second := attack(t, exec.Command(b.program))
	second.says(t, "connect "+b.socket(), "connected")
	second.says(t, "ask", "409 no_free_instance")
	a.says(t, "connect "+b.socket(), "connected")
	a.says(t, "ask", granted)
}

// headless waits until the first thread of a process has ended.
func headless(t *testing.T, a *attacker) {
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
