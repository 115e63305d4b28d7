package stories

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// denialEntry is what a line of the audit log says of who was refused how often.
type denialEntry struct {
	Event, Action, UID, Outcome string
	Times                       int
}

// auditEntries reads the audit log.
func (s *testDevice) auditEntries(t *testing.T) (lines []denialEntry) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "state", "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var l denialEntry
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		l.Times = max(1, l.Times)
		lines = append(lines, l)
	}
	return lines
}

// TestRepeatedDenials: a user who is refused over ever new connections, by several
// processes, for whatever there is to be asked for, does not fill the audit log
// or the daemon's own. Each refusal is in it all the same, and so is what another
// user did.
func TestRepeatedDenials(t *testing.T) {
	const each = 1500
	b, d := newFloodVictim(t, func(t *testing.T, s *testDevice) *daemonProcess {
		config, err := os.ReadFile(filepath.Join(s.dir, "config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		s.write(t, "config.yaml", strings.Replace(string(config), "{everyone: true}", "{users: ['0']}", 1))
		return s.start(t)
	})
	before := len(d.said.String())
	if _, err := b.ask(t); err != nil {
		t.Fatal(err)
	}
	var all []*attacker
	for _, what := range []string{"token", "unknown", "watch", "release", "resolve"} {
		c := exec.Command(filepath.Join(b.bin, "attacker"))
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUID, Gid: otherUID}}
		a := startAttacker(t, c)
		if _, err := fmt.Fprintf(a.in, "denials %s %d %s\n", b.socket(), each, what); err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	refused := 0
	for _, a := range all {
		line, err := a.out.ReadString('\n')
		n, err2 := strconv.Atoi(strings.TrimSpace(line))
		if err != nil || err2 != nil {
			t.Fatal(line, err, err2)
		}
		refused += n
	}
	said := len(d.said.String()) - before
	d.stop(t)

	lines, times, mine := 0, 0, 0
	for _, l := range b.auditEntries(t) {
		switch {
		case l.UID == strconv.Itoa(otherUID):
			lines, times = lines+1, times+l.Times
		case l.UID == "0" && l.Action == "token" && l.Outcome == "":
			mine++
		}
	}
	t.Logf("%d refusals in %d lines of the audit log; the daemon's own log grew by %d bytes", refused, lines, said)
	if times != refused || refused < each {
		t.Errorf("the lines say %d refusals, the callers got %d", times, refused)
	}
	if lines > 150 || said > 16<<10 {
		t.Errorf("%d lines and %d bytes are of one user", lines, said)
	}
	if mine != 1 {
		t.Errorf("the other user's hand-out is in %d lines", mine)
	}
}
