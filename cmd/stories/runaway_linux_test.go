package stories

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRunaway: a registration token that is shared by a fleet loses no more
// counts to a device than that is configured for, whatever a script of a user who
// may have tokens does there: many processes of it that ask by all names, are
// killed in between, give back and throw away, over a restart of the daemon too.
func TestRunaway(t *testing.T) {
	for _, redeem := range []string{"eager", "on_demand"} {
		t.Run(redeem, func(t *testing.T) { runaway(t, redeem) })
	}
}

func runaway(t *testing.T, redeem string) {
	const instances, processes = 3, 4
	b, d := newFloodVictim(t, func(t *testing.T, s *testDevice) *daemonProcess {
		config, err := os.ReadFile(filepath.Join(s.dir, "config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		s.write(t, "config.yaml", strings.Replace(string(config), "instances: 1,", fmt.Sprintf("instances: %d, redeem: %s,", instances, redeem), 1))
		d := s.start(t)
		s.requestToken(t) // an instance that is redeemed on demand begins with a demand
		return d
	})
	got := 0
	for round := range 3 {
		var all []*attacker
		for range processes {
			c := exec.Command(filepath.Join(b.bin, "attacker"))
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUID, Gid: otherUID}}
			a := startAttacker(t, c)
			if _, err := fmt.Fprintf(a.in, "runaway %s 1\n", b.socket()); err != nil {
				t.Fatal(err)
			}
			all = append(all, a)
		}
		for i, a := range all {
			if i == 0 && round > 0 {
				time.Sleep(50 * time.Millisecond) // it is in the middle of something
				_ = a.cmd.Process.Kill()          // or has ended
				continue
			}
			line, err := a.out.ReadString('\n')
			n, err2 := strconv.Atoi(strings.TrimSpace(line))
			if err != nil || err2 != nil {
				t.Fatal(line, err, err2)
			}
			got += n
			a.end()
		}
		if round == 1 {
			d.stop(t)
			d = b.start(t)
		}
	}
	d.alive(t)
	d.stop(t)
	bought := b.service.State().Redeemed
	t.Logf("%d processes were given %d tokens; %d counts were bought for %d instances", 3*processes, got, bought, instances)
	if bought > instances {
		t.Errorf("%d counts were bought for %d instances", bought, instances)
	}
	if got == 0 || bought == 0 {
		t.Error("nobody was given anything: the attack is none")
	}
}

// requestToken asks for a token once.
func (s *testDevice) requestToken(t *testing.T) {
	t.Helper()
	if _, err := (&victim{testDevice: s}).ask(t); err != nil {
		t.Log("the first ask:", err)
	}
}
