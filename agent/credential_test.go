package agent

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/audit"
	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/lease"
	"regent/agent/policy"
	"regent/agent/token"
)

func unit(name string, number uint64) (Caller, *process) {
	p := &process{}
	return Caller{
		Caller:  authz.Caller{UID: "0", Unit: name, Start: number},
		Process: p, Cgroup: "/system.slice/" + name,
	}, p
}

// withUnits is a device of which cad is for two units, and both for one of them.
func withUnits(t *testing.T) *device {
	t.Helper()
	d := newDevice(t)
	d.settings.Applications = []policy.Application{
		{ID: "both", Tenant: "https://demo-host.com", Instances: 1, Redeem: policy.OnDemand, Origin: "config.yaml:1", Allow: []authz.Rule{{Units: []string{"torn.service"}}}},
		{
			ID: "cad", Tenant: "https://demo-host.com", Instances: 2, Redeem: policy.Eager, Origin: "config.yaml:3",
			Allow: []authz.Rule{
				{Users: []string{"alice"}},
				{Everyone: true, Users: []string{"root"}},
				{Units: []string{"render.service", "batch.service", "third.service", "torn.service"}},
				{Units: []string{"more.service"}, Users: []string{"root"}},
			},
		},
	}
	d.boot(t)
	if _, err := d.RegisterAsDaemon(t.Context(), Registration{Token: token.NewSecret("registration"), Source: "test", Wait: time.Minute}); err != nil {
		t.Fatal(err)
	}
	return d
}

// A unit keeps its instance for as long as it has processes, and gets the same
// one if it asks again meanwhile.
func TestCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := withUnits(t)
		defer func() { d.stop() }()
		render, processes := unit("render.service", 1)
		batch, _ := unit("batch.service", 2)
		third, _ := unit("third.service", 3)
		wantCredential(t, d, render, "cad/1")
		wantCredential(t, d, render, "cad/1")
		wantCredential(t, d, batch, "cad/2")
		if _, err := d.Credential(t.Context(), third); !errors.Is(err, fault.NoFreeInstance) {
			t.Errorf("a third unit: %v", err)
		}
		processes.exit()
		if _, err := d.Credential(t.Context(), render); !errors.Is(err, fault.Denied) {
			t.Errorf("a unit without a process: %v", err)
		}
		wantCredential(t, d, third, "cad/1")
		e := d.trail.events[len(d.trail.events)-1].(audit.Access)
		if e.Action != "credential" || e.Instance != "cad/1" || e.Caller.Unit != "third.service" || e.Decision.Rule != "allow[2]" {
			t.Errorf("audit: %+v", e)
		}
		who, _ := newCaller("alice", 7)
		who.Admin = true
		_, err := d.Token(t.Context(), who, cadRequest)
		if err == nil || !strings.Contains(err.Error(), "cad/1 by third.service") {
			t.Errorf("an administrator is told %v", err)
		}
	})
}

func wantCredential(t *testing.T, d *device, by Caller, want string) {
	t.Helper()
	g, err := d.Credential(t.Context(), by)
	if err != nil || g.Instance != want || g.Access.Reveal() != "access-of-"+want {
		t.Errorf("%s got %q, %v; want %s", by.Unit, g.Instance, err, want)
	}
}

func TestCredentialRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := withUnits(t)
		defer d.stop()
		for name, want := range map[string]string{
			"other.service": "no allow rule of any application names",
			"":              "no allow rule of any application names",
			"torn.service":  "both both and cad name",
			"more.service":  "only the unit is known",
		} {
			by, _ := unit(name, 1)
			if _, err := d.Credential(t.Context(), by); !errors.Is(err, fault.Denied) || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want denied with %q", name, err, want)
			}
			if e := d.trail.events[len(d.trail.events)-1].(audit.Access); e.Outcome != fault.Denied || e.Caller.Unit != name || e.Decision.Allow {
				t.Errorf("%q: audit %+v", name, e)
			}
		}
	})
}

// A unit's lease outlives the daemon if the unit does.
func TestCredentialOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := withUnits(t)
		render, p := unit("render.service", 1)
		var sought lease.Holder
		d.adopt = func(h lease.Holder) (lease.Process, error) { sought = h; return p, p.Alive() }
		d.stop()
		d.boot(t)
		wantCredential(t, d, render, "cad/1")
		d.stop()
		d.boot(t)
		defer d.stop()
		if sought.Cgroup != render.Cgroup || sought.Start != render.Start {
			t.Errorf("the daemon looked for %+v", sought)
		}
		batch, _ := unit("batch.service", 2)
		wantCredential(t, d, batch, "cad/2")
		wantCredential(t, d, render, "cad/1")
	})
}
