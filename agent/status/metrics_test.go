package status

import (
	"bufio"
	"regexp"
	"strings"
	"testing"
	"time"

	"regent/agent/token"
)

func sample() (Status, Counters) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s := Status{
		Version: "1.0.0", StartedAt: at.Add(-time.Hour), Now: at, Health: Degraded,
		Store:  Store{State: "ok", Guard: "file"},
		Counts: &Counts{Confirmed: 2, Uncertain: 1},
		Tenants: []Tenant{
			{Host: "demo-host.com", Reachable: "no", ClockSkewSeconds: -20, RegistrationToken: &RegistrationToken{}},
			{Host: "new.example", Reachable: "unknown"},
		},
		Applications: []Application{{ID: "cad", Instances: []Instance{
			{Name: "cad/1", State: "live", ExpiresIn: 1800, Leased: true, Holder: &Holder{User: "alice", Exe: "/opt/cad"}},
			{Name: "cad/2", State: "revoked"},
		}}},
		Problems: []Problem{{Source: "config.yaml:1"}},
	}
	return s, Counters{
		Tokens: map[string]uint64{"ok": 7, "denied": 2}, Changes: map[string]uint64{"live": 3}, Audit: 4,
		Refused: map[string]uint64{"registration_exhausted": 1, "registration_expired": 0},
	}
}

func TestPrometheus(t *testing.T) {
	text := Prometheus(sample())
	for _, want := range []string{
		`regent_build_info{version="1.0.0"} 1`,
		`regent_start_time_seconds 1795431600`,
		`regent_health{health="degraded"} 1`,
		`regent_health{health="serving"} 0`,
		`regent_store_ok{guard="file"} 1`,
		`regent_problems 1`,
		`regent_tenant_reachable{tenant="demo-host.com"} 0`,
		`regent_tenant_clock_skew_seconds{tenant="demo-host.com"} -20`,
		`regent_registration_token_held{tenant="demo-host.com"} 1`,
		`regent_instance_state{application="cad",application_instance="cad/2",state="revoked"} 1`,
		`regent_instance_state{application="cad",application_instance="cad/2",state="live"} 0`,
		`regent_instance_leased{application="cad",application_instance="cad/1"} 1`,
		`regent_instance_token_expiry_seconds{application="cad",application_instance="cad/1"} 1800`,
		`regent_counts_used{certainty="uncertain"} 1`,
		`regent_token_requests_total{outcome="denied"} 2`,
		`regent_state_changes_total{state="live"} 3`,
		`regent_audit_failures_total 4`,
		`regent_registration_refused{code="registration_exhausted"} 1`,
		`regent_registration_refused{code="registration_expired"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
	if strings.Contains(text, `regent_tenant_reachable{tenant="new.example"}`) {
		t.Error("a tenant that was never asked is said to be reachable or not")
	}
	for _, never := range []string{"alice", "/opt/cad"} { // labels are the configuration's, never a caller's
		if strings.Contains(text, never) {
			t.Errorf("%q is a label", never)
		}
	}
}

// Every line is one of the format's, and every sample belongs to the family that
// was announced before it.
func TestPrometheusIsWellFormed(t *testing.T) {
	line := regexp.MustCompile(`^([a-z_]+)(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.]+$`)
	s, c := sample()
	s.Applications[0].ID = `odd "name\`
	family, seen := "", map[string]bool{}
	for sc := bufio.NewScanner(strings.NewReader(strings.ReplaceAll(Prometheus(s, c), `odd \"name\\`, "odd"))); sc.Scan(); {
		if rest, ok := strings.CutPrefix(sc.Text(), "# TYPE "); ok {
			family, _, _ = strings.Cut(rest, " ")
			if seen[family] {
				t.Errorf("%s is announced twice", family)
			}
			seen[family] = true
			continue
		}
		if m := line.FindStringSubmatch(sc.Text()); !strings.HasPrefix(sc.Text(), "# HELP ") && (m == nil || m[1] != family) {
			t.Errorf("%q is no sample of %s", sc.Text(), family)
		}
	}
	if len(seen) < 14 {
		t.Errorf("only %d families", len(seen))
	}
}

// How many series there are depends on the configuration alone.
func TestCardinality(t *testing.T) {
	s, c := sample()
	count := func() int { return strings.Count(Prometheus(s, c), "\n") }
	before := count()
	s.Applications[0].Instances = append(s.Applications[0].Instances, Instance{Name: "cad/3", State: "live"})
	if got, want := count()-before, len(token.States())+1+2; got != want {
		t.Errorf("an instance adds %d lines, want %d", got, want)
	}
}
