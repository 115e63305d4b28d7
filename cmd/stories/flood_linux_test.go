package stories

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"regent/agent/tms/emulator"
	"regent/ipc/api"
	"regent/ipc/client"
	"regent/ipc/server"
)

// newFloodVictim is a daemon at whose socket another user does what it likes.
func newFloodVictim(t *testing.T, launch func(t *testing.T, s *testDevice) *daemonProcess) (*victim, *daemonProcess) {
	t.Helper()
	needsLong(t, "make stories")
	if os.Getuid() != 0 {
		t.Skip("being two users takes root")
	}
	b := &victim{testDevice: newTestDevice(t, programs(t), emulator.Knobs{}, nil)}
	if err := os.Chmod(b.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	d := launch(t, b.testDevice)
	b.awaitRedeemed(t)
	return b, d
}

// openConnections has the stranger connect so often, and keep what it gets.
func (b *victim) openConnections(t *testing.T, times int) *attacker {
	t.Helper()
	c := exec.Command(filepath.Join(b.bin, "attacker"))
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUID, Gid: otherUID}}
	a := startAttacker(t, c)
	a.send(t, fmt.Sprintf("flood %s %d", b.socket(), times), fmt.Sprint(times))
	return a
}

// ask asks for a token over a new connection.
func (b *victim) ask(t *testing.T) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := client.New(client.Options{Socket: b.socket()})
	defer c.Close()
	began := time.Now()
	_, err := c.Token(ctx, api.TokenRequest{Application: "cad"})
	return time.Since(began), err
}

// best measures up to three times, and returns the first time within limit, or the shortest.
// Other work on the machine makes some times longer, and none shorter.
func best(limit time.Duration, measure func() time.Duration) time.Duration {
	shortest := measure()
	for try := 1; shortest > limit && try < 3; try++ {
		shortest = min(shortest, measure())
	}
	return shortest
}

// TestIdleConnections: 5,000 idle connections of one user slow no other one.
func TestIdleConnections(t *testing.T) {
	const connections, times, limit = 5000, 1000, 100 * time.Millisecond
	b, d := newFloodVictim(t, func(t *testing.T, s *testDevice) *daemonProcess { return s.start(t) })
	b.openConnections(t, connections)
	p99 := best(limit, func() time.Duration {
		var took []time.Duration
		for range times {
			one, err := b.ask(t)
			if err != nil {
				t.Fatal(err)
			}
			took = append(took, one)
		}
		slices.Sort(took)
		p50, p99 := took[times/2], took[times*99/100]
		t.Logf("%d idle connections of another user: new connection and token, p50 %v, p99 %v", connections, p50.Round(time.Microsecond), p99.Round(time.Microsecond))
		return p99
	})
	if p99 > limit {
		t.Errorf("p99 is %v, want at most %v", p99, limit)
	}
	if open := descriptors(t, d.pid()); open > 2*server.MaxPerUser+200 {
		t.Errorf("the daemon has %d descriptors for one user's connections, want at most two for each of %d", open, server.MaxPerUser)
	}
	d.alive(t)
	d.stop(t)
}

func descriptors(t *testing.T, pid int) int {
	t.Helper()
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// TestFewDescriptors: a daemon that may have 64 of them serves while another
// user wants them all, does not end when there is none, and serves again after.
func TestFewDescriptors(t *testing.T) {
	b, d := newFloodVictim(t, func(t *testing.T, s *testDevice) *daemonProcess {
		d := &daemonProcess{cmd: exec.Command("prlimit", append([]string{"--nofile=64"}, s.args()...)...)}
		d.pid = func() int { return d.cmd.Process.Pid } // prlimit becomes the daemon
		s.launch(t, d)
		return d
	})
	strangers := b.openConnections(t, 200)
	if _, err := b.ask(t); err != nil {
		t.Errorf("while another user wants all: %v", err)
	}
	strangers.end()

	// Not one more than it has now: a connection cannot be taken, or its process
	// cannot be held.
	var was unix.Rlimit
	now := uint64(descriptors(t, d.pid()))
	if err := unix.Prlimit(d.pid(), unix.RLIMIT_NOFILE, nil, &was); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prlimit(d.pid(), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: now, Max: was.Max}, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	c := client.New(client.Options{Socket: b.socket()})
	defer c.Close()
	for {
		if _, err := c.Token(ctx, api.TokenRequest{Application: "cad"}); err != nil {
			t.Log("without a descriptor:", err)
			break
		}
		c.Close()
		now--
		if err := unix.Prlimit(d.pid(), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: now, Max: was.Max}, nil); err != nil {
			t.Fatal(err)
		}
	}
	d.alive(t)
	if err := unix.Prlimit(d.pid(), unix.RLIMIT_NOFILE, &was, nil); err != nil {
		t.Fatal(err)
	}
	b.awaitToken(t)
	d.stop(t)
}

// awaitToken waits until a token is handed out.
func (b *victim) awaitToken(t *testing.T) {
	t.Helper()
	for until := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		_, err := b.ask(t)
		if err == nil {
			return
		}
		if time.Now().After(until) || strings.Contains(err.Error(), "no agent") {
			t.Fatalf("with descriptors again: %v", err)
		}
	}
}
