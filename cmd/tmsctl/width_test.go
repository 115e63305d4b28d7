package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"regent/agent/tms/emulator"
	"regent/agent/token"
	"regent/platform/terminal"
)

// noFile is how this system says that a file does not exist.
func noFile() string {
	_, err := os.Stat("no such file")
	return errors.Unwrap(err).Error()
}

// TestEightyColumns: what a person reads fits a terminal of 80 columns, and an answer
// that nobody asked the service for is not given.
func TestEightyColumns(t *testing.T) {
	o := newAdminDesk(t)
	if err := o.service.SetKnobs(emulator.Knobs{PageSize: 1}); err != nil {
		t.Fatal(err)
	}
	people, files := o.path("people.csv"), o.path("f")
	for _, tt := range []struct {
		args        string
		code        int
		want, never string
	}{
		{"registration-token create --per-recipient " + people + " --identifier q4 --out-dir " + files, 0, "alice", ""},
		{"registration-token list", 0, "fingerprint", ""},
		{"registration-token list --status bogus", 2, `--status "bogus": write one of usable, "used up", expired, disabled, unknown, unreadable`, "no registration tokens"},
		{"registration-token delete nope --dry-run", 1, `no registration token has the identifier or ID "nope"`, "would delete"},
		{"registration-token delete q4-alice --dry-run", 0, "(q4-alice)", "not there"},
		{"registration-token raise-count nope", 2, "--to N is required: the new total, used counts included", ""},
		{"plan --devices 100 --instances 2", 0, "  tmsctl registration-token create --count 200", ""},
		{"plan --devices 10 --instances 2 --session-max 10h --rollout 90", 0, "Sessions end after", ""},
		{"plan --registration-token q4-alice", 0, "q4-alice: 0 of 2", ""},
		{"plan", 2, "add --devices N and --instances N", ""},
		{"auth-token delete --from none.csv", 2, "--from none.csv: " + noFile(), "open none.csv"},
		{"contract", 0, "pageStartIndex", ""},
	} {
		var out, stderr bytes.Buffer
		w := typed(&out, &stderr, "", token.NewSecret(o.service.Credentials().Password))
		w.width = 80
		code := run(t.Context(), w, append([]string{"--tenant", o.url, "--user", "admin"}, strings.Fields(tt.args)...))
		all := out.String() + stderr.String()
		if code != tt.code || !strings.Contains(all, tt.want) || tt.never != "" && strings.Contains(all, tt.never) {
			t.Errorf("%s: exit %d, want %d, %q and not %q in\n%s", tt.args, code, tt.code, tt.want, tt.never, all)
		}
		for line := range strings.Lines(out.String()) {
			if n := terminal.Cells(strings.TrimSuffix(line, "\n")); n > 80 && !strings.Contains(line, o.dir) {
				t.Errorf("%s: %d columns: %s", tt.args, n, line)
			}
		}
	}
}
