package stories

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/ipc/api"
	"regent/ipc/client"
)

// TestLongReplies: a user who may use an application, and one who may use none, ask a
// daemon with 10,000 instances for all that is long, and do not read half of it.
// Neither the others' tokens nor the memory suffer as much as they could.
func TestLongReplies(t *testing.T) {
	const instances, connections, leastShare, mostGrowth = 10_000, 200, 10, 96 << 10
	b, d := newFloodVictim(t, func(t *testing.T, s *testDevice) *daemonProcess {
		config, err := os.ReadFile(filepath.Join(s.dir, "config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		more := fmt.Sprintf("instances: %d, redeem: on_demand, allow: [{users: [root, %d]}]}", instances, otherUID+1)
		s.write(t, "config.yaml", strings.Replace(string(config), "instances: 1, allow: [{everyone: true}]}", more, 1))
		d := s.start(t)
		s.requestToken(t)
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
		a.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUID + i, Gid: otherUID}}
		startAttacker(t, a).send(t, fmt.Sprintf("longreplies %s %d", b.socket(), connections), "asking")
	}
	most, rates := 0, make([]int, 8)
	for i := range rates {
		rates[i] = rate(time.Second)
		most = max(most, residentOf(t, d.pid()))
	}
	slices.Sort(rates)
	usual := rates[len(rates)/2] // one second of a busy machine says nothing
	t.Logf("%d tokens a second, then %v; %d KiB resident, then at most %d", quiet, rates, before, most)
	if usual < quiet/leastShare {
		t.Errorf("%d tokens a second became %d", quiet, usual)
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
