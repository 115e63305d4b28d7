package status

import (
	"strings"
	"testing"

	"regent/agent/fault"
)

// setup is the command of the tests.
const setup = "sudo regent setup"

func TestHealth(t *testing.T) {
	live := Instance{Name: "cad/1", State: "live", ExpiresIn: 60}
	stale := Instance{Name: "cad/2", State: "stale", ExpiresIn: 60}
	fresh := Instance{Name: "cad/3", State: "unredeemed"}
	refused := Instance{Name: "cad/4", State: "unredeemed", LastFault: &Fault{Code: "registration_exhausted"}}
	revoked := Instance{Name: "cad/5", State: "revoked"}
	asleep := Instance{Name: "cad/6", State: "expired"}
	failing := Instance{Name: "cad/7", State: "expired", LastFault: &Fault{Code: "unavailable"}}
	unconfirmed := Instance{Name: "cad/8", State: "unredeemed", LastFault: &Fault{Code: "redemption_unconfirmed"}}
	forgotten := Instance{Name: "cad/9", State: "unredeemed", LastFault: &Fault{Code: "not_registered"}}
	held := []Tenant{{RegistrationToken: &RegistrationToken{}}}
	short := []Tenant{{Limited: &Limited{FloorSeconds: 5, LifeSeconds: 3}}}
	long := []Tenant{{Limited: &Limited{FloorSeconds: 5, LifeSeconds: 8}}}
	for _, tt := range []struct {
		name      string
		instances []Instance
		tenants   []Tenant
		want      Health
		says      string
	}{
		{"all", []Instance{live, live}, nil, Serving, "2 of 2"},
		{"one", []Instance{live}, nil, Serving, "the one"},
		{"refreshing fails", []Instance{live, stale}, nil, Degraded, "cad/2"},
		{"some", []Instance{live, refused}, nil, Degraded, "1 of 2"},
		{"waiting", []Instance{fresh, fresh}, nil, Waiting, setup},
		{"redeeming", []Instance{fresh}, held, Waiting, "redeems it now"},
		{"on demand", []Instance{fresh}, held, Waiting, "at the first request"},
		{"refused", []Instance{refused}, held, NotServing, "cad/4"},
		{"revoked", []Instance{revoked}, nil, NotServing, "cad/5"},
		{"the device was off", []Instance{live, asleep}, nil, Degraded, "Regent refreshes them within minutes"},
		{"short lives, one is live", []Instance{live}, short, Degraded, "before the next refresh is allowed"},
		{"short lives, one has ended", []Instance{asleep}, short, Degraded, "before the next refresh is allowed"},
		{"short lives, and one waits", []Instance{asleep, live, refused}, short, Degraded, "2 of 3"},
		{"short lives, and refreshing fails", []Instance{failing}, short, NotServing, "cad/7"},
		{"lives longer than the floor", []Instance{live}, long, Serving, "the one"},
		{"off, and now offline", []Instance{failing}, nil, NotServing, "cad/7"},
		{"just installed", nil, nil, Waiting, "no application is configured in /etc/regent/config.yaml or config.d, and there is no registration token"},
		{"just installed, next step", nil, nil, Waiting, setup},
		{"nothing configured", nil, held, Degraded, "no application is configured in /etc/regent/config.yaml or config.d. An administrator runs: " + setup},
		{"asleep, and one waits", []Instance{asleep, fresh}, held, NotServing, "no instance has a valid access token. Run: regent doctor"},
		{"one waits for a token", []Instance{live, fresh}, nil, Degraded, "cad/3 waits for a registration token. An administrator runs: " + setup},
		{"unconfirmed", []Instance{unconfirmed}, nil, NotServing, "failing: cad/8. Run: regent doctor"},
		{"forgotten", []Instance{live, forgotten}, nil, Degraded, "cad/9 waits for an administrator. To use another count, run: " + fault.Commands("sudo regent instances redeem cad/9")},
		{"forgotten, registration token stored", []Instance{live, forgotten}, held, Degraded, fault.Commands("sudo regent instances redeem cad/9")},
		{"all forgotten", []Instance{forgotten}, nil, NotServing, fault.Commands("sudo regent instances redeem cad/9")},
		{"many fail", []Instance{revoked, revoked, revoked, revoked, revoked}, nil, NotServing, "cad/5, cad/5, cad/5 and 2 more. Run: regent doctor"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Status{ConfigFile: "/etc/regent/config.yaml", Applications: []Application{{Instances: tt.instances, OnDemand: tt.name == "on demand"}}, Tenants: tt.tenants}
			got, says := Summarise(s, setup)
			if got != tt.want || !strings.Contains(says, tt.says) {
				t.Errorf("Summarise = %s, %q; want %s and %q in it", got, says, tt.want, tt.says)
			}
		})
	}
}

// With two tenants, a registration token of the one is none of the other.
func TestHealthOfTwoTenants(t *testing.T) {
	waiting := func(host, name string) Application {
		return Application{Tenant: host, Instances: []Instance{{Name: name, State: "unredeemed"}}}
	}
	s := Status{
		Tenants:      []Tenant{{Host: "a", RegistrationToken: &RegistrationToken{}}, {Host: "b"}},
		Applications: []Application{waiting("a", "cad/1"), waiting("b", "sim/1")},
	}
	got, says := Summarise(s, setup)
	if want := "sim/1 waits for a registration token"; got != Waiting || !strings.Contains(says, want) {
		t.Errorf("Summarise = %s, %q; want %q in it", got, says, want)
	}
}

func TestHolderText(t *testing.T) {
	for want, h := range map[string]Holder{
		"cad.service":            {User: "unit cad.service"},
		"alice, pid 7 (/bin/ls)": {PID: 7, User: "alice", Exe: "/bin/ls"},
		"alice, pid 7":           {PID: 7, User: "alice"},
		"alice":                  {User: "alice", Exe: "/bin/ls"},
	} {
		if got := h.Text(); got != want {
			t.Errorf("%+v: got %q, want %q", h, got, want)
		}
	}
}
