package stories

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/ipc/api"
	"regent/platform/localsock"
)

// TestWatchers: a thousand watchers of twenty users, each over a connection of its
// own, see a rotation within a second. Beside them one reads nothing at all.
func TestWatchers(t *testing.T) {
	// Each user stays below the limit of calls at once, which is 100.
	const users, each, limit = 20, 50, time.Second
	b, d := newFloodVictim(t, func(t *testing.T, s *testDevice) *daemonProcess { return s.start(t) })
	deaf, err := localsock.Dial(t.Context(), b.socket())
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	if _, err := deaf.Write([]byte("GET /v1/watch?application=cad HTTP/1.1\r\nHost: regent\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	took := best(limit, func() time.Duration { return b.watchRotation(t, users, each) })
	if took > limit {
		t.Errorf("the last of %d watchers saw the rotation after %v, want at most %v", each*users, took, limit)
	}
	d.alive(t)
	d.stop(t)
}

// watchRotation has each of the users watch over connections of its own, and refreshes. It
// returns how long after the refresh the last watcher saw it.
func (b *victim) watchRotation(t *testing.T, users, each int) time.Duration {
	t.Helper()
	tok, err := b.client.Token(t.Context(), api.TokenRequest{Application: "cad"})
	if err != nil {
		t.Fatal(err)
	}
	var watchers []*attacker
	for i := range users {
		c := exec.Command(filepath.Join(b.bin, "attacker"))
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUID + uint32(i), Gid: otherUID}}
		w := startAttacker(t, c)
		w.send(t, fmt.Sprintf("watch %s %d %d", b.socket(), each, tok.Generation+1), "watching")
		watchers = append(watchers, w)
	}

	began := time.Now()
	err = b.client.Invalidate(t.Context(), "cad", "1", tok.Generation)
	if kindOf(err) == fault.Throttled { // limits.refresh_floor after the last one
		time.Sleep(fault.From(err).Retry)
		began = time.Now()
		err = b.client.Invalidate(t.Context(), "cad", "1", tok.Generation)
	}
	if err != nil {
		t.Fatal(err)
	}
	rotated := time.Now() // the answer comes once the new token is there
	var last time.Time
	for _, w := range watchers {
		line, err := w.out.ReadString('\n')
		at, err2 := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		if err != nil || err2 != nil {
			t.Fatal(line, err, err2)
		}
		if told := time.Unix(0, at); told.After(last) {
			last = told
		}
		w.end()
	}
	t.Logf("%d watchers: a refresh took %v, and the last watcher saw it %v later", each*users, rotated.Sub(began).Round(time.Microsecond), last.Sub(rotated).Round(time.Microsecond))
	return last.Sub(rotated)
}
