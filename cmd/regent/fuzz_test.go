package main

import (
	"path/filepath"
	"strings"
	"testing"

	"regent/agent/doctor"
	"regent/platform/process"
)

// FuzzParseUnits: only units that are installed are judged, and what is said of
// them is for one line each.
func FuzzParseUnits(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		units := parseUnits(text)
		if loaded := strings.Count(string(text), "LoadState=loaded") + strings.Count(string(text), "LoadState=masked"); len(units) > loaded {
			t.Errorf("%d units of %d that are loaded", len(units), loaded)
		}
		for _, u := range units {
			if strings.ContainsAny(u.Name+u.Active+u.Result, "\n") {
				t.Errorf("%+v", u)
			}
		}
		if st, found := diagnoseUnits(units); found && (st.Summary == "" || st.Health != "not_serving") {
			t.Errorf("diagnosed %q, %s", st.Summary, st.Health)
		}
	})
}

// FuzzShared: the command line of another process, which anybody can write, is
// taken for a daemon beside ours only by a path that is in it or implied.
func FuzzShared(f *testing.F) {
	d := doctor.Daemon{PID: 1, Config: "/etc/own/config.yaml", StateDir: "/var/lib/own", Socket: "/run/own/agent.sock"}
	f.Fuzz(func(t *testing.T, line, dir string) {
		p := process.Process{PID: 2, Dir: dir, Args: strings.Split(line, "\x00")}
		got := sharedPath(p, d)
		if got == "" {
			return
		}
		if got != d.Config && got != d.StateDir && got != d.Socket {
			t.Fatalf("shares %q", got)
		}
		if !strings.Contains(line, filepath.Base(got)) {
			t.Errorf("%q in %q shares %q", p.Args, dir, got)
		}
	})
}
