package stories

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestManyUsers: 32 users that nobody knows, as a person with subordinate user ids
// can be, connect as often as they can. Root, a user that the device knows and
// one more that it does not know still get an answer, and the daemon keeps
// descriptors for itself.
func TestManyUsers(t *testing.T) {
	const users, each, nofile = 32, 300, 1024
	b, d := newFloodVictim(t, func(t *testing.T, s *testDevice) *daemonProcess {
		d := &daemonProcess{cmd: exec.Command("prlimit", append([]string{fmt.Sprintf("--nofile=%d", nofile)}, s.args()...)...)}
		d.pid = func() int { return d.cmd.Process.Pid } // prlimit becomes the daemon
		s.launch(t, d)
		return d
	})
	as := func(uid uint32) *attacker {
		c := exec.Command(filepath.Join(b.bin, "attacker"))
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: otherUID}}
		return startAttacker(t, c)
	}
	for i := range uint32(users) {
		as(100_000+i).send(t, fmt.Sprintf("flood %s %d", b.socket(), each), fmt.Sprint(each))
	}
	for i := range 10 { // more than the client has ready
		if _, err := b.ask(t); err != nil {
			t.Errorf("root's request %d: %v", i+1, err)
		}
	}
	for name, uid := range map[string]uint32{"a known user": 1, "another unknown user": 200_000} {
		began := time.Now()
		a := as(uid)
		a.send(t, "connect "+b.socket(), "connected")
		a.send(t, "ask", "409 no_free_instance")
		t.Logf("%s was answered after %v", name, time.Since(began).Round(time.Millisecond))
	}
	if open := descriptors(t, d.pid()); open > nofile/2+200 {
		t.Errorf("the daemon has %d of %d descriptors open", open, nofile)
	}
	d.alive(t)
	d.stop(t)
}
