package agent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/store/storetest"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// The stories of this file are about counts that must not be spent and answers
// that must not be wrong. Each began as a reviewer's proof of a defect.

func administrator() Caller {
	root, _ := newCaller("root", 3)
	root.Admin = true
	return root
}

// A slip in instances that is mended while they are bought costs no more.
func TestRemovedInstancesAreNotRedeemed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		d.settings.Applications[0].Instances = 100
		d.boot(t)
		defer d.stop()
		d.service.onRedeem = func(counts int) {
			if counts == 3 {
				s := d.settings
				s.Applications = slices.Clone(s.Applications)
				s.Applications[0].Instances = 2
				d.Apply(s, nil)
			}
		}
		if _, err := d.RegisterAsDaemon(t.Context(), Registration{Token: token.NewSecret("registration")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if d.service.redeemed != 3 {
			t.Errorf("%d counts were spent, want 3: the configuration was mended at the third", d.service.redeemed)
		}
	})
}

func TestNoRedemptionBeginsAfterTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		d.boot(t)
		stopped := make(chan struct{})
		d.service.onDiscover = func() {
			d.service.onDiscover = nil
			go func() { d.stop(); close(stopped) }()
			time.Sleep(20 * time.Second)
		}
		if _, err := d.RegisterAsDaemon(t.Context(), Registration{Token: token.NewSecret("registration")}); err != nil {
			t.Fatal(err)
		}
		<-stopped
		if d.service.redeemed != 0 {
			t.Errorf("%d counts were spent after the daemon was told to stop", d.service.redeemed)
		}
	})
}

func TestWorkingTokenIsNotReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		d.settings.KeepRegistrationToken = true
		d.boot(t)
		defer d.stop()
		if _, err := d.RegisterAsDaemon(t.Context(), Registration{Token: token.NewSecret("registration"), Wait: time.Minute}); err != nil {
			t.Fatal(err)
		}
		err := d.Redeem(t.Context(), administrator(), "cad", "1")
		time.Sleep(time.Minute)
		if fault.KindOf(err) != fault.InvalidRequest || !strings.Contains(fault.From(err).Text(), "regent instances forget cad/1") {
			t.Errorf("Redeem = %v, want a refusal that says how", err)
		}
		if d.service.redeemed != 2 {
			t.Errorf("%d counts used, want 2", d.service.redeemed)
		}
	})
}

// A person's decision is kept until a registration token comes that pays for it,
// and status says so meanwhile.
func TestRedeemRequestIsPersisted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		d.settings.Applications[0].Redeem = policy.OnDemand
		d.boot(t)
		defer d.stop()
		if err := d.Redeem(t.Context(), administrator(), "cad", "1"); err != nil {
			t.Fatalf("Redeem = %v", err)
		}
		for _, counts := range []int{0, 1} {
			s, err := d.Status(t.Context(), administrator())
			if err != nil || s.Applications[0].Instances[0].RedeemAsked != (counts == 0) || d.service.redeemed != counts {
				t.Errorf("Status = %+v, %v; %d counts used, want %d", s.Applications[0], err, d.service.redeemed, counts)
			}
			if _, err := d.RegisterAsDaemon(t.Context(), Registration{Token: token.NewSecret("registration"), Wait: time.Minute}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A full disk is named as what it is, and the registration token was not taken.
func TestRegisterOnAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		d.boot(t)
		defer d.stop()
		d.store.FailNext(storetest.Put, errors.New("no space left on device"))
		got, err := d.Register(t.Context(), administrator(), Registration{Token: token.NewSecret("x")})
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.From(err).Text(), d.dir) || !strings.Contains(fault.From(err).Text(), "Free disk space") || got.Stored {
			t.Errorf("Register = %+v, %v", got, err)
		}
	})
}

// A request that fails does not end the lease under which another request of
// the same process was served.
func TestFailingRequestKeepsTheLeaseOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		d.settings.Applications[0].Instances = 1
		d.settings.Applications[0].Redeem = policy.OnDemand
		d.boot(t)
		defer d.stop()
		if _, err := d.RegisterAsDaemon(t.Context(), Registration{Token: token.NewSecret("registration")}); err != nil {
			t.Fatal(err)
		}
		d.service.onDiscover = func() { time.Sleep(10 * time.Second) }
		a, _ := newCaller("alice", 1)
		b, _ := newCaller("alice", 2)
		gone := make(chan error)
		served := make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := d.Token(ctx, a, cadRequest)
			gone <- err
		}()
		time.Sleep(3 * time.Second)
		go func() { _, err := d.Token(t.Context(), a, cadRequest); served <- err }()
		if err := <-gone; err == nil {
			t.Error("the request that was given up was served")
		}
		if err := <-served; err != nil {
			t.Fatal(err)
		}
		if g, err := d.Token(t.Context(), b, cadRequest); fault.KindOf(err) != fault.NoFreeInstance {
			t.Errorf("another process got %q, %v, while the first lives and uses it", g.Instance, err)
		}
	})
}

// With audit: required an administrator's act that cannot be recorded is not done.
func TestAuditRequiredBeforeAction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		d.settings.Audit = policy.Required
		d.boot(t)
		defer d.stop()
		d.trail.fail = errors.New("no space left on device")
		_, err := d.Register(t.Context(), administrator(), Registration{Token: token.NewSecret("registration"), Manual: true, Wait: time.Minute})
		if fault.KindOf(err) != fault.Unavailable || d.service.redeemed != 0 {
			t.Errorf("Register = %v, %d counts used; want unavailable and 0", err, d.service.redeemed)
		}
	})
}

// A record that vanished is a state for a person, not an instance to buy again.
func TestMissingRecordIsNotRedeemed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		d.settings.KeepRegistrationToken = true
		d.boot(t)
		if _, err := d.RegisterAsDaemon(t.Context(), Registration{Token: token.NewSecret("registration"), Wait: time.Minute}); err != nil {
			t.Fatal(err)
		}
		d.stop()
		if err := d.store.Delete(t.Context(), "auth-token/demo-host.com/cad/1"); err != nil {
			t.Fatal(err)
		}
		d.boot(t)
		defer d.stop()
		time.Sleep(time.Hour)
		if d.service.redeemed != 2 {
			t.Errorf("%d counts used, want 2", d.service.redeemed)
		}
		by, _ := newCaller("alice", 1)
		if _, err := d.Token(t.Context(), by, TokenRequest{Application: "cad", Instance: "1"}); fault.KindOf(err) != fault.StoreUnreadable {
			t.Errorf("Token = %v, want store_unreadable", err)
		}
	})
}

// A registration token given by hand is kept while an instance has no auth token
// that works, so that the person's next step finds it.
func TestRegistrationTokenForARevokedInstanceIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		id := token.Instance{Tenant: "demo-host.com", Application: "cad", Number: 1}
		r, _ := d.tokens.Get(id)
		if _, err := d.tokens.Update(t.Context(), r, func(r *tokenstore.Record) { r.State = token.Revoked }); err != nil {
			t.Fatal(err)
		}
		s := d.settings
		s.Applications = s.Applications[:1]
		d.Apply(s, nil)
		if _, err := d.Register(t.Context(), administrator(), Registration{Token: token.NewSecret("second"), Manual: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if d.service.redeemed != 2 {
			t.Fatalf("%d counts used, want 2: only a person redeems a revoked one again", d.service.redeemed)
		}
		if err := d.Redeem(t.Context(), administrator(), "cad", "1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		st, err := d.Status(t.Context(), administrator())
		if err != nil {
			t.Fatal(err)
		}
		if i := st.Applications[0].Instances[0]; i.State != "live" || i.LastFault != nil || d.service.redeemed != 3 {
			t.Errorf("after the person's step: %s, last fault %+v, %d counts used", i.State, i.LastFault, d.service.redeemed)
		}
	})
}

// A registration token that was given by mistake does not cost the good one that
// it replaced.
func TestRefusedTokenFallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		for i := range d.settings.Applications {
			d.settings.Applications[i].Redeem = policy.OnDemand
		}
		d.boot(t)
		defer d.stop()
		for _, given := range []string{"good", "wrong"} {
			if _, err := d.Register(t.Context(), administrator(), Registration{Token: token.NewSecret(given), Manual: true}); err != nil {
				t.Fatal(err)
			}
		}
		d.service.only = "good"
		by, _ := newCaller("alice", 1)
		if _, err := d.Token(t.Context(), by, cadRequest); err != nil && fault.KindOf(err) != fault.RegistrationRefused {
			t.Errorf("the first request: %v", err)
		}
		time.Sleep(time.Minute)
		if _, err := d.Token(t.Context(), by, cadRequest); err != nil || d.service.redeemed != 1 {
			t.Errorf("a minute later: %v, %d counts used; want the token before to be used", err, d.service.redeemed)
		}
	})
}

func TestRegisterForAnotherTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		d.boot(t)
		defer d.stop()
		for _, tt := range []struct {
			tenant, application string
			says                string
		}{
			{"demo-hots.com", "", "Ask for one of a configured tenant: demo-host.com"},
			{"other.example", "cad", "application cad is licensed at demo-host.com"},
			{"ftp://demo-host.com", "", "tenant:"},
		} {
			_, err := d.Register(t.Context(), administrator(), Registration{Token: token.NewSecret("x"), Tenant: tt.tenant, Application: tt.application})
			if fault.KindOf(err) != fault.InvalidRequest || !strings.Contains(fault.From(err).Text(), tt.says) {
				t.Errorf("%q for %q: %v, want invalid_request and %q", tt.tenant, tt.application, err, tt.says)
			}
		}
		if n := len(d.registrations.List()); n != 0 {
			t.Errorf("%d registration tokens were taken", n)
		}
	})
}

// State that cannot be opened is told, not a reason to end.
func TestUnopenableState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		d.store.FailNext(storetest.List, errors.New("input/output error"))
		_, err := New(t.Context(), Deps{Clock: d.clock, Settings: d.settings, Store: d.store, StateDir: d.dir, NewID: func() string { return "1" }})
		if fault.KindOf(err) != fault.StoreUnreadable {
			t.Errorf("New = %v, want store_unreadable", err)
		}
		if strings.Contains(fault.From(err).Text(), "input/output") || !strings.Contains(fault.From(err).Text(), d.dir) {
			t.Errorf("text %q: want the directory and not the cause", fault.From(err).Text())
		}
	})
}
