package redeem_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/redeem"
)

func TestRegistrationTokenOfAnotherTenantOrApplication(t *testing.T) {
	bubble(t, 1, func(b *bed) {
		b.start()
		for _, scope := range []redeem.Scope{{Tenant: "other-host.com"}, {Tenant: host, Application: "cam"}} {
			if kept, err := b.engine.Register(b.Context(), redeem.Held{Scope: scope, Token: secret("other")}); err != nil || !kept {
				b.Errorf("%v: got %t, %v, want it kept: its application may come", scope, kept, err)
			}
		}
		b.pass(time.Hour)
		b.wantPosts(0)
		own := redeem.Held{Scope: redeem.Scope{Tenant: host, Application: "cad"}, Token: secret("own")}
		b.register(registration)
		if _, err := b.engine.Register(b.Context(), own); err != nil {
			b.Fatal(err)
		}
		b.pass(time.Hour)
		if diff := cmp.Diff(b.service.paidWith, []string{"own"}); diff != "" {
			b.Errorf("the application's own comes first: got -, want +:\n%s", diff)
		}
	})
}

// TestRefusedIsNotAskedAgain for six hours, unless it is given again.
func TestRefusedIsNotAskedAgain(t *testing.T) {
	bubble(t, 1, func(b *bed) {
		b.service.answers(noSuch, noSuch, noSuch)
		b.start()
		b.register(registration)
		b.pass(5*time.Hour + 59*time.Minute)
		b.wantPosts(1)
		b.restart()
		b.pass(30 * time.Second)
		b.wantPosts(1)
		b.pass(10 * time.Minute)
		b.wantPosts(2)
		b.pass(time.Hour)
		b.wantPosts(2)
		b.register(registration)
		b.pass(time.Minute)
		b.wantPosts(3)
		b.register("SENTINEL-another")
		b.pass(time.Minute)
		b.wantPosts(4)
		b.wantStates(instance.Live)
		if diff := cmp.Diff(b.service.paidWith, []string{registration, registration, registration, "SENTINEL-another"}); diff != "" {
			b.Errorf("got -, want +:\n%s", diff)
		}
		b.audit()
	})
}

func TestKeepRegistrationToken(t *testing.T) {
	bubble(t, 1, func(b *bed) {
		b.plan.Keep = true
		b.service.answers(tooLate)
		b.start()
		b.register(registration)
		b.pass(time.Minute)
		b.wantHeld(true)
		if !b.register(registration) {
			b.Error("it was not kept")
		}
		b.pass(time.Minute)
		b.wantStates(instance.Live)
		b.wantHeld(true)
		b.pass(24 * time.Hour)
		b.wantPosts(2)
		b.audit()
	})
}

// TestRegisteredAgain, as an MDM does: nothing is spent, and nothing kept.
func TestRegisteredAgain(t *testing.T) {
	bubble(t, 2, func(b *bed) {
		b.start()
		b.register(registration)
		b.pass(time.Minute)
		for _, again := range []string{registration, "SENTINEL-another"} {
			if b.register(again) {
				b.Error("it was kept, with nothing to pay for")
			}
			b.pass(time.Hour)
			b.wantHeld(false)
		}
		b.wantPosts(2)
	})
}

func TestRegisterRefusesWhatCannotBeAToken(t *testing.T) {
	bubble(t, 1, func(b *bed) {
		b.start()
		_, err := b.engine.Register(b.Context(), redeem.Held{Scope: redeem.Scope{Tenant: host}, Token: secret("SENTINEL two")})
		if fault.KindOf(err) != fault.InvalidRequest {
			b.Errorf("got %v, want %v", err, fault.InvalidRequest)
		}
		b.wantHeld(false)
	})
}

func TestSettled(t *testing.T) {
	tests := []struct {
		name  string
		first answer
		want  instance.State
	}{
		{"granted", answer{takes: 5 * time.Second}, instance.Live},
		{"refused", answer{takes: 5 * time.Second, err: noSuch.err}, instance.Unredeemed},
		{"lost", answer{takes: 5 * time.Second, err: lost.err}, instance.Uncertain},
		{"not sent", answer{takes: 5 * time.Second, err: notSent.err}, instance.Unredeemed},
		{"throttled", answer{takes: 5 * time.Second, err: tooMany.err}, instance.Unredeemed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, 1, func(b *bed) {
				b.service.answers(tt.first)
				b.start()
				b.register(registration)
				start := time.Now()
				b.engine.Settled(b.Context(), b.id(1))
				if got, want := time.Since(start), 6*time.Second; got != want { // with the splay
					b.Errorf("settled after %s, want %s", got, want)
				}
				b.wantStates(tt.want)
			})
		})
	}
}

// TestSettledWaitsForTheRetry: after the documented 500 the next try is a matter
// of seconds, and what it comes to is what the caller wants to know.
func TestSettledWaitsForTheRetry(t *testing.T) {
	for _, tt := range []struct {
		name    string
		retries int
		script  []answer
		want    instance.State
		posts   int
	}{
		{"granted", 1, []answer{documentedNot}, instance.Live, 2},
		{"used up", 1, []answer{documented, documented}, instance.Uncertain, 2},
		{"not wanted", 0, []answer{documented}, instance.Uncertain, 1},
		{"then refused", 1, []answer{documentedNot, noSuch}, instance.Uncertain, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, 1, func(b *bed) {
				b.plan.UncertainRetries = tt.retries
				b.service.answers(tt.script...)
				b.start()
				b.register(registration)
				ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
				defer cancel()
				b.engine.Settled(ctx, b.id(1))
				if ctx.Err() != nil {
					b.Error("it waited for more than the retry")
				}
				b.wantStates(tt.want)
				b.wantPosts(tt.posts)
			})
		})
	}
}

// TestSettledAtOnce: where nothing is going to happen, nobody waits.
func TestSettledAtOnce(t *testing.T) {
	bubble(t, 2, func(b *bed) {
		b.start()
		none := b.id(9)
		b.engine.Settled(b.Context(), b.id(1)) // no registration token
		b.engine.Settled(b.Context(), none)    // not declared
		b.service.answers(answer{}, tooMany)
		b.register(registration)
		start := time.Now()
		b.engine.Settled(b.Context(), b.id(1))
		b.engine.Settled(b.Context(), b.id(2))
		b.engine.Settled(b.Context(), b.id(1)) // live
		if got := time.Since(start); got > 2*time.Second {
			b.Errorf("settled after %s, want no more than the splay", got)
		}
	})
}

func TestSettledEndsWithItsCaller(t *testing.T) {
	bubble(t, 1, func(b *bed) {
		b.service.answers(answer{takes: time.Minute})
		b.start()
		b.register(registration)
		ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		b.engine.Settled(ctx, b.id(1))
		if got, want := time.Since(start), 10*time.Second; got != want {
			b.Errorf("returned after %s, want %s", got, want)
		}
		b.wantStates(instance.Unredeemed) // and not uncertain while it is under way
		b.pass(time.Minute)
		b.wantStates(instance.Live)
	})
}
