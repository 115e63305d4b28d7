package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/audit"
	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/status"
	"regent/agent/store"
	"regent/agent/token"
)

func TestTwoProcessesGetTwoTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		a, first := newCaller("alice", 1)
		b, _ := newCaller("alice", 2)
		c, _ := newCaller("alice", 3)
		one, err := d.Token(t.Context(), a, cadRequest)
		if err != nil {
			t.Fatal(err)
		}
		two, err := d.Token(t.Context(), b, cadRequest)
		if err != nil {
			t.Fatal(err)
		}
		if one.Access.Equal(two.Access) || one.Instance == two.Instance {
			t.Errorf("both got %s and %s", one.Instance, two.Instance)
		}
		again, err := d.Token(t.Context(), a, cadRequest)
		if err != nil || again.Instance != one.Instance {
			t.Errorf("the same process got %s after %s, %v", again.Instance, one.Instance, err)
		}
		_, err = d.Token(t.Context(), c, cadRequest)
		if fault.KindOf(err) != fault.NoFreeInstance {
			t.Errorf("a third process: %v, want no_free_instance", err)
		}
		if strings.Contains(fault.From(err).Text(), "/bin/alice") {
			t.Errorf("a caller who is no administrator is told who: %v", err)
		}
		first.exit()
		got, err := d.Token(t.Context(), c, cadRequest)
		if err != nil || got.Instance != one.Instance {
			t.Errorf("after the first ended the third got %q, %v; want %s", got.Instance, err, one.Instance)
		}
		if d.service.redeemed != 2 {
			t.Errorf("%d counts used, want 2: leases cost nothing", d.service.redeemed)
		}
	})
}

func TestTokenRefusals(t *testing.T) {
	for _, tt := range []struct {
		name string
		user string
		q    TokenRequest
		want fault.Kind
		says string
	}{
		{"another user", "mallory", cadRequest, fault.Denied, "mallory"},
		{"root is not admitted for being root", "root", cadRequest, fault.Denied, "root"},
		{"nobody may use it", "alice", TokenRequest{Application: "closed"}, fault.Denied, "no allow rule"},
		{"unknown application", "alice", TokenRequest{Application: "cam"}, fault.UnknownApplication, "cam"},
		{"unknown instance", "alice", TokenRequest{Application: "cad", Instance: "3"}, fault.UnknownInstance, "config.yaml:3"},
		{"no number", "alice", TokenRequest{Application: "cad", Instance: "01"}, fault.InvalidRequest, "01"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := registeredDevice(t)
				defer d.stop()
				by, _ := newCaller(tt.user, 9)
				by.Admin = tt.user == "root"
				got, err := d.Token(t.Context(), by, tt.q)
				if fault.KindOf(err) != tt.want || !got.Access.IsZero() {
					t.Fatalf("Token = %v, %v; want %s", got.Instance, err, tt.want)
				}
				if text := fault.From(err).Text(); !strings.Contains(text, tt.says) {
					t.Errorf("text %q does not name %q", text, tt.says)
				}
				last := d.trail.events[len(d.trail.events)-1].(audit.Access)
				if last.Outcome != tt.want || last.Caller.User != tt.user {
					t.Errorf("audit has %+v", last)
				}
				if n := len(d.leases.All()); n != 0 {
					t.Errorf("%d leases after a refusal, want 0", n)
				}
			})
		})
	}
}

func TestServesOfflineAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		d.stop()
		d.service.set(true)
		d.boot(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		got, err := d.Token(t.Context(), by, cadRequest)
		if err != nil || got.Access.Reveal() != "access-of-cad/1" {
			t.Fatalf("Token after an offline restart = %q, %v", got.Access.Reveal(), err)
		}
		time.Sleep(59 * time.Minute)
		if _, err := d.Token(t.Context(), by, cadRequest); err != nil {
			t.Errorf("a valid token is not served while refreshing fails: %v", err)
		}
		time.Sleep(time.Minute)
		_, err = d.Token(t.Context(), by, cadRequest)
		if fault.KindOf(err) != fault.Unavailable || fault.From(err).Retry <= 0 {
			t.Errorf("after its end: %v, want unavailable with a time to come back", err)
		}
		d.service.set(false)
		time.Sleep(25 * time.Minute)
		if _, err := d.Token(t.Context(), by, cadRequest); err != nil || d.service.redeemed != 2 {
			t.Errorf("after the network came back: %v, %d counts used", err, d.service.redeemed)
		}
	})
}

// After a reboot with a clock before the token's receipt its age is unknown:
// refresh first, else say what is wrong with the clock.
func TestColdBootIn1970(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		d.stop()
		d.service.set(true)
		d.clock.Reboot("boot-2", -50*365*24*time.Hour)
		d.boot(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		_, err := d.Token(t.Context(), by, cadRequest)
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.From(err).Text(), "clock") {
			t.Errorf("Token = %v, want unavailable that names the clock", err)
		}
		d.service.set(false)
		time.Sleep(time.Minute)
		if got, err := d.Token(t.Context(), by, cadRequest); err != nil || !strings.HasPrefix(got.Access.Reveal(), "fresh-") {
			t.Errorf("with the network: %q, %v; want a fresh token", got.Access.Reveal(), err)
		}
	})
}

func TestMinTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		time.Sleep(20 * time.Minute)
		q := TokenRequest{Application: "cad", MinTTL: 50 * time.Minute}
		if g, err := d.Token(t.Context(), by, q); err != nil || g.Generation != 1 {
			t.Errorf("without waiting: generation %d, %v; want the valid one", g.Generation, err)
		}
		time.Sleep(time.Second)
		if g, err := d.Token(t.Context(), by, q); err != nil || g.Generation != 2 || g.ExpiresIn < 50*time.Minute {
			t.Errorf("a moment later: generation %d good for %v, %v", g.Generation, g.ExpiresIn, err)
		}
		time.Sleep(20 * time.Minute)
		q.Wait = time.Second
		if g, err := d.Token(t.Context(), by, q); err != nil || g.Generation != 3 {
			t.Errorf("waiting: generation %d, %v; want 3", g.Generation, err)
		}
		q.MinTTL = 2 * time.Hour
		if g, err := d.Token(t.Context(), by, q); err != nil || g.Generation != 3 {
			t.Errorf("more than any token lives: generation %d, %v; want 3, served", g.Generation, err)
		}
	})
}

func TestEndedCallerIsDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		by, p := newCaller("alice", 1)
		by.Recheck = func() error { p.exit(); return p.Alive() }
		if g, err := d.Token(t.Context(), by, cadRequest); fault.KindOf(err) != fault.Denied || !g.Access.IsZero() {
			t.Errorf("Token = %v, want denied and nothing", err)
		}
	})
}

func TestAuditRequired(t *testing.T) {
	for _, tt := range []struct {
		audit string
		want  fault.Kind
	}{
		{policy.Required, fault.Unavailable},
		{policy.BestEffort, ""},
	} {
		t.Run(tt.audit, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := registeredDevice(t)
				defer d.stop()
				d.settings.Audit = tt.audit
				d.Apply(d.settings, nil)
				d.trail.fail = errors.New("no space left on device")
				by, _ := newCaller("alice", 1)
				g, err := d.Token(t.Context(), by, cadRequest)
				if tt.want == "" && (err != nil || g.Access.IsZero()) {
					t.Errorf("Token = %v, want it served", err)
				}
				if tt.want != "" && (fault.KindOf(err) != tt.want || !g.Access.IsZero()) {
					t.Errorf("Token = %v, want %s and nothing", err, tt.want)
				}
			})
		})
	}
}

func TestOnlyAdministratorsRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		d.boot(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		if _, err := d.Register(t.Context(), by, Registration{Token: token.NewSecret("x")}); fault.KindOf(err) != fault.Denied {
			t.Errorf("Register = %v, want denied", err)
		}
		by.Admin = true
		if _, err := d.Register(t.Context(), by, Registration{Token: token.NewSecret("two words")}); fault.KindOf(err) != fault.InvalidRequest {
			t.Errorf("Register of nonsense = %v, want invalid_request", err)
		}
		got, err := d.Register(t.Context(), by, Registration{Token: token.NewSecret("registration"), Manual: true, Wait: time.Minute})
		if err != nil || got.Instances[0].State != "live" {
			t.Errorf("Register = %+v, %v", got, err)
		}
		if d.service.redeemed != 2 {
			t.Errorf("%d counts used, want 2", d.service.redeemed)
		}
	})
}

// What the Contact Administrator sees is true and tells the instances apart.
func TestAttribution(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		seen := map[string]bool{}
		for i, r := range d.service.requests {
			if want := fmt.Sprintf("cad/%d", i+1); r.RefID1 != want || r.FQDN != "ws-1.example.com" || r.UserName != "regent" || r.MAC == "" {
				t.Errorf("request %d: %+v, want ref ID 1 %s", i, r, want)
			}
			if r.RefID2 != d.service.requests[0].RefID2 || r.RefID2 == "" {
				t.Errorf("request %d: ref ID 2 %q, want the installation's, the same in all", i, r.RefID2)
			}
			seen[r.Identifier] = true
		}
		if len(seen) != len(d.service.requests) {
			t.Errorf("identifiers %v: each POST has its own", seen)
		}
	})
}

func TestStatusHidesDetails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		if _, err := d.Token(t.Context(), by, cadRequest); err != nil {
			t.Fatal(err)
		}
		other, _ := newCaller("mallory", 2)
		root, _ := newCaller("root", 3)
		root.Admin = true
		for _, tt := range []struct {
			by   Caller
			want bool
		}{{by, true}, {other, false}, {root, true}} {
			s, err := d.Status(t.Context(), tt.by)
			if err != nil {
				t.Fatal(err)
			}
			i := s.Applications[0].Instances[0]
			if (i.Holder != nil) != tt.want || (i.Identifier != "") != tt.want || !i.Leased {
				t.Errorf("%s sees %+v", tt.by.User, i)
			}
		}
	})
}

// A state directory that cannot be trusted serves nothing and changes nothing. What
// a tenant taught belongs to it: a count could be spent on a form that is known to be
// wrong.
func TestUnreadableState(t *testing.T) {
	for _, name := range []string{"auth-token/demo-host.com/cad/1", "learned/demo-host.com"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { wantUnreadable(t, name) })
		})
	}
}

func wantUnreadable(t *testing.T, name string) {
	t.Helper()
	d := registeredDevice(t)
	d.stop()
	_, v, err := d.store.Get(t.Context(), name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := d.store.Put(t.Context(), name, []byte("damaged"), v); err != nil {
		t.Fatal(err)
	}
	before := d.store.Puts()
	_, err = New(t.Context(), Deps{
		Clock: d.clock, Settings: d.settings, Store: d.store, StateDir: d.dir,
		LedgerKey: []byte("0123456789abcdef0123456789abcdef"), Log: slog.New(slog.DiscardHandler),
	})
	if fault.KindOf(err) != fault.StoreUnreadable || !strings.Contains(fault.From(err).Text(), strings.TrimPrefix(name, "auth-token/")) {
		t.Errorf("New = %v, want store_unreadable that names the record", err)
	}
	if d.store.Puts() != before {
		t.Error("the store was written to")
	}
}

func TestUnusableStoreServesItsStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		locked := fault.New("unlock", fault.StoreLocked, nil)
		a, err := New(t.Context(), Deps{
			Clock: d.clock, Settings: d.settings, Unusable: locked, Audit: d.trail, Log: slog.New(slog.DiscardHandler),
			StoreStatus: status.Store{State: "locked", Guard: "file"},
		})
		if err != nil {
			t.Fatal(err)
		}
		by, _ := newCaller("alice", 1)
		by.Admin = true
		if _, err := a.Token(t.Context(), by, cadRequest); fault.KindOf(err) != fault.StoreLocked {
			t.Errorf("Token = %v", err)
		}
		if _, err := a.Register(t.Context(), by, Registration{Token: token.NewSecret("x")}); fault.KindOf(err) != fault.StoreLocked {
			t.Errorf("Register = %v", err)
		}
		if _, err := a.Ledger(t.Context(), by); fault.KindOf(err) != fault.StoreLocked {
			t.Errorf("Ledger = %v", err)
		}
		if err := a.Redeem(t.Context(), by, "cad", "1"); fault.KindOf(err) != fault.StoreLocked {
			t.Errorf("Redeem = %v", err)
		}
		s, err := a.Status(t.Context(), by)
		if err != nil || s.Health != status.NotServing || s.Store.State != "locked" {
			t.Errorf("Status = %+v, %v", s, err)
		}
		if got := s.Applications[0].Instances[0].State; got != status.Unknown {
			t.Errorf("state of an instance = %q, want %q", got, status.Unknown)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestOnDemandCostsNothingUntilAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		d.settings.Applications = []policy.Application{{
			ID: "cad", Tenant: "https://demo-host.com", Instances: 2, Redeem: policy.OnDemand, Allow: []authz.Rule{{Everyone: true}},
		}}
		d.boot(t)
		defer d.stop()
		if _, err := d.RegisterAsDaemon(t.Context(), Registration{Token: token.NewSecret("registration")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if d.service.redeemed != 0 {
			t.Fatalf("%d counts used before anyone asked", d.service.redeemed)
		}
		by, _ := newCaller("bob", 1)
		if g, err := d.Token(t.Context(), by, cadRequest); err != nil || d.service.redeemed != 1 {
			t.Errorf("Token = %s, %v; %d counts used, want 1", g.Instance, err, d.service.redeemed)
		}
		// A second process takes the free one, which costs a count; a third of the
		// same script cannot.
		c, _ := newCaller("bob", 2)
		e, _ := newCaller("bob", 3)
		if _, err := d.Token(t.Context(), c, cadRequest); err != nil {
			t.Error(err)
		}
		if _, err := d.Token(t.Context(), e, cadRequest); fault.KindOf(err) != fault.NoFreeInstance || d.service.redeemed != 2 {
			t.Errorf("Token = %v; %d counts used, want 2", err, d.service.redeemed)
		}
	})
}

func TestReleaseIsTheHoldersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		a, _ := newCaller("alice", 1)
		b, _ := newCaller("alice", 2)
		if _, err := d.Token(t.Context(), a, TokenRequest{Application: "cad", Instance: "1"}); err != nil {
			t.Fatal(err)
		}
		if err := d.Release(t.Context(), b, "cad", "1"); fault.KindOf(err) != fault.Denied {
			t.Errorf("another process released it: %v", err)
		}
		if err := d.Release(t.Context(), a, "cad", "1"); err != nil {
			t.Error(err)
		}
		if _, err := d.Token(t.Context(), b, TokenRequest{Application: "cad", Instance: "1"}); err != nil {
			t.Errorf("after the release: %v", err)
		}
	})
}

// A changed tenant leaves what the old one gave alone.
func TestChangedTenantKeepsAuthTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		old := d.settings
		moved := old
		moved.Applications = []policy.Application{{ID: "cad", Tenant: "https://other.example", Instances: 1, Redeem: policy.Eager, Allow: []authz.Rule{{Everyone: true}}}}
		d.Apply(moved, nil)
		if _, err := d.Token(t.Context(), by, cadRequest); fault.KindOf(err) != fault.NotRegistered {
			t.Errorf("at the new tenant: %v, want not_registered", err)
		}
		time.Sleep(time.Hour)
		d.Apply(old, nil)
		if g, err := d.Token(t.Context(), by, cadRequest); err != nil || g.Generation != 2 || d.service.redeemed != 2 {
			t.Errorf("back at the old one: generation %d, %v, %d counts used", g.Generation, err, d.service.redeemed)
		}
	})
}

func TestLedgerIsForAdministrators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		root, _ := newCaller("root", 1)
		root.Admin = true
		entries, err := d.Ledger(t.Context(), root)
		if err != nil || len(entries) != 4 {
			t.Fatalf("Ledger has %d entries, %v; want an intent and a confirmation for each of 2", len(entries), err)
		}
		alice, _ := newCaller("alice", 2)
		if _, err := d.Ledger(t.Context(), alice); fault.KindOf(err) != fault.Denied {
			t.Errorf("Ledger by alice = %v, want denied", err)
		}
	})
}
