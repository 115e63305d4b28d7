package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/status"
	"regent/ipc/api"
)

// runStatusWatch runs regent status --watch for a while, and returns what it wrote.
func runStatusWatch(t *testing.T, f *fakeDaemon, width int, noColour bool, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"status", "--watch"}, args...), runtimeEnv{
			out: &out, err: &out, width: width, now: func() time.Time { return noon },
			dial: func(string) agent { return f },
			getenv: func(name string) string {
				if name == "NO_COLOR" && noColour {
					return "1"
				}
				return ""
			},
		})
	}()
	time.Sleep(2*watchInterval + watchInterval/2)
	cancel()
	if code := <-ended; code != exitDone {
		t.Errorf("it ended with %d, want %d: Ctrl-C is how one ends it", code, exitDone)
	}
	return out.String()
}

func TestStatusWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeDaemon{status: servingDevice()}
		screen := runStatusWatch(t, f, 80, false)
		if got := strings.Count(screen, "\x1b[2J"); got != 3 || strings.Count(screen, "INSTANCE") != 3 {
			t.Errorf("%d screens, want 3:\n%s", got, screen)
		}
		if got := runStatusWatch(t, f, 0, false); strings.Contains(got, "\x1b") || strings.Count(got, "INSTANCE") != 3 {
			t.Errorf("into a pipe it writes:\n%q", got)
		}
		if got := runStatusWatch(t, f, 80, true); strings.Contains(got, "\x1b[1m") {
			t.Errorf("with NO_COLOR it writes:\n%q", got)
		}
		lines := strings.Split(strings.TrimSpace(runStatusWatch(t, f, 80, false, "--json")), "\n")
		for _, line := range lines {
			var st status.Status
			if err := json.Unmarshal([]byte(line), &st); err != nil || st.Health != status.Serving {
				t.Errorf("%q: %v", line, err)
			}
		}
		if len(lines) != 3 {
			t.Errorf("%d lines of JSON, want 3", len(lines))
		}
	})
}

func TestStatusPage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "status.html")
	policy := api.Policy{Keys: []api.PolicyKey{
		{Key: "network.timeout", Value: "10s", Level: "managed", Source: "10-it.yaml:3", Status: api.PolicyStateProblem},
		{Key: "log.level", Value: "info", Level: defaultLevel, Status: api.PolicyStateOK},
	}}
	st := troubledDevice()
	st.Summary = "<script>alert(1)</script>"
	diagnosis := doctor.Daemon{PID: 7, Audience: doctor.Administrator, Status: st}
	run := cliRun{daemon: &fakeDaemon{status: st, policy: policy, diagnosis: diagnosis}, localFacts: soundFacts()}
	run.localFacts.name = func() string { return "<b>ws1" }
	got := run.run(t, "status", "--html", file)
	if got.Code != exitDegraded || !strings.Contains(got.Out, file) {
		t.Errorf("got %+v", got)
	}
	wantOnPage(t, file, "&lt;script&gt;", "&lt;b&gt;ws1", "cad/2", "revoked by the service", "alice, pid 4711", "network.timeout", "10-it.yaml:3",
		"prefers-color-scheme: dark", "width=device-width", "default-src 'none'", "Ask the Contact Administrator for")
	wantPrivateMode(t, file)
}

// wantOnPage holds a page to its texts. Nothing is fetched, nothing runs, and keys that nobody
// sets are left out.
func wantOnPage(t *testing.T, file string, all ...string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range all {
		if !strings.Contains(string(b), want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if m := regexp.MustCompile(`(?i)<script|<link|<b>|src=|url\(|@import|log\.level`).FindString(string(b)); m != "" {
		t.Errorf("%q is on the page", m)
	}
}

// Without a daemon the page has the device and the findings, and the command still fails.
func TestStatusPageWithoutDaemon(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	got := cliRun{localFacts: soundFacts()}.run(t, "status", "--html", file, "--socket", filepath.Join(dir, "none.sock"))
	if got.Code == exitDone || !strings.Contains(got.Out, file) || got.Err == "" {
		t.Errorf("got %+v", got)
	}
	wantOnPage(t, file, "ws1.example.com", "<h3 class=\"failure\">", "does not answer")
}

// A user without rights gets the page without the policy; a place that cannot be
// written is said.
func TestStatusPageOfAUser(t *testing.T) {
	dir := t.TempDir()
	f := &fakeDaemon{status: servingDevice(), err: fault.New("policy", fault.Denied, nil)}
	if got := (cliRun{daemon: f, localFacts: soundFacts()}).run(t, "status", "--html", filepath.Join(dir, "page.html")); got.Code != exitDone {
		t.Errorf("got %+v", got)
	}
	b, err := os.ReadFile(filepath.Join(dir, "page.html"))
	if err != nil || !strings.Contains(string(b), "Only administrators can see it") {
		t.Errorf("%s, %v", b, err)
	}
	if got := (cliRun{daemon: f, localFacts: soundFacts()}).run(t, "status", "--html", filepath.Join(dir, "gone", "page.html")); got.Code != exitFailed || got.Err == "" {
		t.Errorf("got %+v", got)
	}
	notes := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(notes, []byte("notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := (cliRun{daemon: f}).run(t, "status", "--html", notes); got.Code != exitUsage || !strings.Contains(got.Err, "is not a page of Regent") {
		t.Errorf("got %+v", got)
	}
	if got := (cliRun{daemon: f}).run(t, "status", "--html", "x", "--watch"); got.Code != exitUsage {
		t.Errorf("got %+v", got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
