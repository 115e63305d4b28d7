package main

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

	"regent/ipc/api"
	"regent/ipc/client"
)

// TestLever: a user who may use an application, and one who may use none, ask a
// daemon with 10,000 instances for all that is long, and do not read half of it.
// Neither the others' tokens nor the memory suffer as much as they could.
func TestLever(t *testing.T) {
	// The fault made one token of 240. A worst second on a busy machine makes one of 11.
	const instances, connections, leastShare, mostGrowth = 10_000, 200, 40, 96 << 10
	b, d := flooded(t, func(t *testing.T, s *site) *daemonProcess {
		config, err := os.ReadFile(filepath.Join(s.dir, "config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		more := fmt.Sprintf("instances: %d, redeem: on_demand, allow: [{users: [root, %d]}]}", instances, stranger+1)
		s.write(t, "config.yaml", strings.Replace(string(config), "instances: 1, allow: [{everyone: true}]}", more, 1))
		d := s.start(t)
		s.asks(t)
		return d
	})
	c := client.New(client.Options{Socket: b.socket()})
	defer c.Close()
	rate := func(during time.Duration) (n int) {
		for began := time.Now(); time.Since(began) < during; n++ {
			if _, err := c.Token(t.Context(), api.TokenRequest{Application: "cad"}); err != nil {
				t.Fatal(err)
			}
		}
		return int(float64(n) / during.Seconds())
	}
	rate(time.Second)
	quiet, before := rate(2*time.Second), residentOf(t, d.pid())
	for i := range uint32(2) {
		a := exec.Command(filepath.Join(b.bin, "attacker"))
		a.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger + i, Gid: stranger}}
		attack(t, a).says(t, fmt.Sprintf("look %s %d", b.socket(), connections), "looking")
	}
	most, slowest := 0, quiet
	for range 8 {
		slowest = min(slowest, rate(time.Second))
		most = max(most, residentOf(t, d.pid()))
	}
	t.Logf("%d tokens a second, then at least %d; %d KiB resident, then at most %d", quiet, slowest, before, most)
	if slowest < quiet/leastShare {
		t.Errorf("%d tokens a second became %d", quiet, slowest)
	}
	if most > before+mostGrowth {
		t.Errorf("%d KiB resident became %d, want at most %d more", before, most, mostGrowth)
	}
	d.alive(t)
	d.stop(t)
}

// residentOf returns the resident memory of a process in KiB.
func residentOf(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib
}
