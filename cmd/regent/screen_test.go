package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/token"
	"regent/platform/terminal"
)

var update = flag.Bool("update", false, "write the golden files")

// noon is the moment of every screen.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func beforeNoon(d time.Duration) time.Time { return noon.Add(-d) }

func afterNoon(d time.Duration) *time.Time { t := noon.Add(d); return &t }

// servingDevice is a device on which all is well.
func servingDevice() status.Status {
	return status.Status{
		Version:   "1.0.0",
		StartedAt: beforeNoon(3*time.Hour + 20*time.Minute),
		Now:       noon,
		Health:    status.Serving,
		Summary:   "Both instances have a valid access token.",
		Store:     status.Store{State: "ok", Guard: "file", Detail: "a passphrase in a 0600 file beside the records; who reads the disk reads both"},
		Tenants:   []status.Tenant{{Host: "demo-host.com", Reachable: "yes", ClockSkewSeconds: 60}},

		CanServeUntil: afterNoon(500 * time.Second), Counts: &status.Counts{Confirmed: 2},
		Applications: []status.Application{{ID: "cad", Tenant: "demo-host.com", Rules: 1, Instances: []status.Instance{
			{
				Name: "cad/1", State: string(token.Live), Since: beforeNoon(time.Hour), Generation: 7, Leased: true,
				Holder:    &status.Holder{PID: 4711, User: "alice", Exe: "/opt/cad/bin/cad"},
				ExpiresAt: afterNoon(12 * time.Minute), ExpiresIn: 720, NextRefresh: afterNoon(4*time.Minute + 10*time.Second),
			},
			{Name: "cad/2", State: string(token.Live), Since: beforeNoon(time.Hour), Generation: 7, ExpiresIn: 500, NextRefresh: afterNoon(-time.Second)},
		}}},
	}
}

// waitingDevice is a device that was just installed.
func waitingDevice() status.Status {
	s := servingDevice()
	s.Health = status.Waiting
	s.Summary = "No registration token has come yet; an administrator gives one with: regent register --file FILE"
	s.Tenants[0].Reachable = "unknown"
	s.CanServeUntil, s.Counts = nil, &status.Counts{}
	for i := range s.Applications[0].Instances {
		s.Applications[0].Instances[i] = status.Instance{Name: s.Applications[0].Instances[i].Name, State: string(token.Unredeemed)}
	}
	return s
}

// troubledDevice is a device with all kinds of trouble, and two tenants.
func troubledDevice() status.Status {
	s := servingDevice()
	s.Health = status.Degraded
	s.Summary = "1 of 4 instances cannot be served: cad/2 was revoked."
	s.Store, s.Counts = status.Store{State: "rolled_back", Guard: "tpm2"}, &status.Counts{Confirmed: 3, Uncertain: 1}
	s.Tenants[0].ClockSkewSeconds = -905
	worked := beforeNoon(50 * time.Hour)
	s.Tenants[0].Refresh = &status.Refresh{Configured: "auto", Mode: "oidc", WorkedAt: &worked}
	s.Tenants[0].RegistrationToken = &status.RegistrationToken{
		Fingerprint: "9f86d081", Source: "file /etc/regent/registration-token", ReceivedAt: beforeNoon(26 * time.Hour),
	}
	s.Tenants = append(s.Tenants, status.Tenant{
		Host: "other.example:8443", Reachable: "no", ClockSkewSeconds: 125,
		LastFault:          &status.Fault{Code: "unavailable", Detail: "connection refused", At: beforeNoon(40 * time.Second)},
		Refresh:            &status.Refresh{Configured: "auto", Uncertain: "refused", Instances: []string{"sim/1"}},
		SessionsEndSeconds: 36_000, Limited: &status.Limited{FloorSeconds: 5, LifeSeconds: 3, Rate: 10},
		RequestForm: &status.RequestForm{Form: "wrapped", Proof: "accepted", Redemption: "regent-1"},
	})
	s.Applications[0].Instances[1] = status.Instance{
		Name: "cad/2", State: string(token.Revoked), Leased: true,
		LastFault: &status.Fault{
			Code: "revoked", Detail: "the service no longer accepts this auth token: it was deleted there, or its session was ended",
			At: beforeNoon(4 * time.Minute),
		},
	}
	s.Applications = append(s.Applications, status.Application{ID: "sim", Tenant: "other.example:8443", Instances: []status.Instance{
		{Name: "sim/1", State: string(token.Stale), ExpiresIn: 41, NextRefresh: afterNoon(90 * time.Second)},
		{Name: "sim/2", State: string(token.Uncertain), Holder: &status.Holder{PID: 9, User: "eve", Exe: "/tmp/\x1b[31mred"}},
	}})
	s.Problems = []status.Problem{
		{Source: "/etc/regent/policy.d/10-it.yaml:3", Detail: "limits.redeem_splay: \"soon\" is no duration; the next layer's 2s rules"},
		{Source: "sim", Detail: "no rule"},
	}
	return s
}

// unusableDevice is a device whose store cannot be read.
func unusableDevice() status.Status {
	s := waitingDevice()
	s.Health, s.Summary = status.NotServing, "the sealed records are there and the key to them is missing; nothing was changed; restore the key material"
	s.Store, s.Counts = status.Store{State: "missing", Guard: "file"}, nil
	for i := range s.Applications[0].Instances {
		s.Applications[0].Instances[i].State = status.Unknown
	}
	return s
}

// pendingDevice is a device with a wish that nothing pays for yet, and a fault of which
// nobody knows the time.
func pendingDevice() status.Status {
	s := servingDevice()
	s.Health, s.Summary = status.Degraded, "serving 1 of 2 instances. Run: regent doctor"
	s.Applications[0].Instances[1] = status.Instance{
		Name: "cad/2", State: string(token.Revoked), RedeemAsked: true,
		LastFault: &status.Fault{Code: "revoked", Detail: "the service no longer accepts this auth token"},
	}
	return s
}

func TestStatusScreen(t *testing.T) {
	tests := []struct {
		name   string
		status status.Status
		view   view
	}{
		{"serving", servingDevice(), view{}},
		{"waiting", waitingDevice(), view{width: 80}},
		{"troubled", troubledDevice(), view{}},
		{"troubled-80", troubledDevice(), view{width: 80, colour: true}},
		{"unusable", unusableDevice(), view{}},
		{"pending-redeem", pendingDevice(), view{}},
		{"unconfigured", status.Status{
			Version: "1.0.0", StartedAt: beforeNoon(time.Second), Health: status.NotServing,
			Store: status.Store{State: "ok", Guard: "file"},
		}, view{colour: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.view.now = noon
			golden(t, tt.name+".golden", renderStatus(tt.status, tt.view))
		})
	}
}

// One who has to redeem again is not told that no registration token is needed.
func TestRegistrationTextAfterExpiry(t *testing.T) {
	s := servingDevice()
	for state, want := range map[token.State]string{
		token.Live: "not needed", token.Unredeemed: "none",
		token.Revoked: "none. A registration token is needed to redeem again", token.RefreshExpired: "none. A registration token is needed to redeem again",
	} {
		s.Applications[0].Instances[1].State = string(state)
		if got := (view{}).labelled("", statusFacts(s, view{})); !strings.Contains(got, "Registration token  "+want+"\n") {
			t.Errorf("%s: got\n%s\nwant %q", state, got, want)
		}
	}
}

// golden compares got with the file of that name in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(want), "\r\n", "\n") // as a checkout on Windows may have it
	if runtime.GOOS == "windows" {                         // no sudo there, so lines break elsewhere
		words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
		got, text = words(got), fault.Commands(words(text))
	}
	if diff := cmp.Diff(got, text); diff != "" {
		t.Errorf("%s (-got +want):\n%s", path, diff)
	}
}

// Whatever a program is called, it cannot take over the administrator's
// terminal.
func TestScreenEscapesControlCharacters(t *testing.T) {
	got := renderStatus(troubledDevice(), view{now: noon})
	for _, r := range got {
		if r < ' ' && r != '\n' || r == 0x7f {
			t.Errorf("control character %q in:\n%s", r, got)
		}
	}
}

func TestEveryStateHasText(t *testing.T) {
	seen := map[string]token.State{}
	for _, s := range token.States() {
		words := stateText(status.Instance{State: string(s)}, false, false)
		if other, twice := seen[words]; twice {
			t.Errorf("%s and %s are both %q", s, other, words)
		}
		seen[words] = s
		if strings.Contains(words, "_") || words == string(s) && s != token.Live {
			t.Errorf("%s: got %q, want words", s, words)
		}
	}
	if got, want := stateText(status.Instance{State: "new\x07state"}, false, false), "new?state"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A device that was off has failed at nothing yet.
func TestExpiredText(t *testing.T) {
	i := status.Instance{State: string(token.Expired)}
	if got, want := stateText(i, false, false), "expired, refreshed when asked for"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	i.LastFault = &status.Fault{Code: "unavailable"}
	if got, want := stateText(i, false, false), "expired, refresh fails"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Why an instance has no auth token yet differs, and so does what to do.
func TestUnredeemedText(t *testing.T) {
	none := status.Instance{State: string(token.Unredeemed)}
	exhausted := none
	exhausted.LastFault = &status.Fault{Code: "registration_exhausted"}
	tests := []struct {
		instance       status.Instance
		held, onDemand bool
		want           string
	}{
		{none, false, false, "waiting for a registration token"},
		{none, true, false, "not redeemed yet"},
		{none, true, true, "redeemed when asked for"},
		{exhausted, true, true, "not redeemed: registration exhausted"},
		{exhausted, false, false, "waiting for a registration token"},
		{status.Instance{State: status.Unknown}, false, false, "unknown"},
	}
	for _, tt := range tests {
		if got := stateText(tt.instance, tt.held, tt.onDemand); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt, got, tt.want)
		}
	}
}

// TestStatusFitsATerminal: with the longest names there are, each line has at most 80
// columns, unless one word has more, and the same fault is told once.
func TestStatusFitsATerminal(t *testing.T) {
	s := troubledDevice()
	long := "computer-aided-design-for-the-site-in-the-north"
	s.Applications = []status.Application{{ID: long, Tenant: s.Tenants[0].Host}}
	for n := range 5 {
		name := fmt.Sprintf("%s/%d", long, n+1)
		s.Applications[0].Instances = append(s.Applications[0].Instances, status.Instance{
			Name: name, State: "refresh_expired",
			Holder:    &status.Holder{PID: 4711, User: "alice", Exe: "/opt/cad/bin/cad"},
			LastFault: &status.Fault{Code: "refresh_expired", Detail: "the session has ended; to redeem again: regent instances redeem " + name, At: s.Now.Add(-time.Duration(n) * time.Minute)},
		})
	}
	s.Problems = []status.Problem{{Source: "/etc/regent/config.d/" + long + ".yaml:12", Detail: strings.Repeat("is not as expected be ", 8)}}
	got := renderStatus(s, view{now: s.Now, width: 80})
	for line := range strings.Lines(got) {
		if terminal.Cells(strings.TrimSpace(line)) > 80 && len(strings.Fields(line)) > 1 {
			t.Errorf("%d columns: %q", terminal.Cells(line), line)
		}
	}
	if n := strings.Count(got, "the session has ended"); n != 1 || !strings.Contains(got, "and 2 more") {
		t.Errorf("the fault is told %d times, want once:\n%s", n, got)
	}
}
