package redeem_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/token"
)

func TestRegistrationTokenOfAnotherTenantOrApplication(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.start()
		for _, scope := range []redeem.Scope{{Tenant: "other-host.com"}, {Tenant: host, Application: "cam"}} {
			if kept, err := b.engine.Register(b.Context(), redeem.RegistrationToken{Scope: scope, Token: secret("other")}); err != nil || !kept {
				b.Errorf("%v: got %t, %v, want it kept: its application may come", scope, kept, err)
			}
		}
		b.advance(time.Hour)
		b.wantPosts(0)
		own := redeem.RegistrationToken{Scope: redeem.Scope{Tenant: host, Application: "cad"}, Token: secret("own")}
		b.register(registration)
		if _, err := b.engine.Register(b.Context(), own); err != nil {
			b.Fatal(err)
		}
		b.advance(time.Hour)
		if diff := cmp.Diff(b.service.paidWith, []string{"own"}); diff != "" {
			b.Errorf("the application's own comes first: got -, want +:\n%s", diff)
		}
	})
}

// TestRefusedIsNotRetried for six hours, unless it is given again.
func TestRefusedIsNotRetried(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.service.answers(noSuch, noSuch, noSuch)
		b.start()
		b.register(registration)
		b.advance(5*time.Hour + 59*time.Minute)
		b.wantPosts(1)
		b.restart()
		b.advance(30 * time.Second)
		b.wantPosts(1)
		b.advance(10 * time.Minute)
		b.wantPosts(2)
		b.advance(time.Hour)
		b.wantPosts(2)
		b.register(registration)
		b.advance(time.Minute)
		b.wantPosts(3)
		b.register("SENTINEL-another")
		b.advance(time.Minute)
		b.wantPosts(4)
		b.wantStates(token.Live)
		if diff := cmp.Diff(b.service.paidWith, []string{registration, registration, registration, "SENTINEL-another"}); diff != "" {
			b.Errorf("got -, want +:\n%s", diff)
		}
		b.audit()
	})
}

func TestKeepRegistrationToken(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.plan.KeepRegistrationToken = true
		b.service.answers(tooLate)
		b.start()
		b.register(registration)
		b.advance(time.Minute)
		b.wantHeld(true)
		if !b.register(registration) {
			b.Error("it was not kept")
		}
		b.advance(time.Minute)
		b.wantStates(token.Live)
		b.wantHeld(true)
		b.advance(24 * time.Hour)
		b.wantPosts(2)
		b.audit()
	})
}

// TestRegisteredAgain, as an MDM does: nothing is spent, and nothing kept.
func TestRegisteredAgain(t *testing.T) {
	bubble(t, 2, func(b *harness) {
		b.start()
		b.register(registration)
		b.advance(time.Minute)
		for _, again := range []string{registration, "SENTINEL-another"} {
			if b.register(again) {
				b.Error("it was kept, with nothing to pay for")
			}
			b.advance(time.Hour)
			b.wantHeld(false)
		}
		b.wantPosts(2)
	})
}

func TestRegisterRefusesWhatCannotBeAToken(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.start()
		_, err := b.engine.Register(b.Context(), redeem.RegistrationToken{Scope: redeem.Scope{Tenant: host}, Token: secret("SENTINEL two")})
		if fault.KindOf(err) != fault.InvalidRequest {
			b.Errorf("got %v, want %v", err, fault.InvalidRequest)
		}
		b.wantHeld(false)
	})
}

func TestWaitSettled(t *testing.T) {
	tests := []struct {
		name  string
		first answer
		want  token.State
	}{
		{"granted", answer{takes: 5 * time.Second}, token.Live},
		{"refused", answer{takes: 5 * time.Second, err: noSuch.err}, token.Unredeemed},
		{"lost", answer{takes: 5 * time.Second, err: lost.err}, token.Uncertain},
		{"not sent", answer{takes: 5 * time.Second, err: notSent.err}, token.Unredeemed},
		{"throttled", answer{takes: 5 * time.Second, err: tooMany.err}, token.Unredeemed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, 1, func(b *harness) {
				b.service.answers(tt.first)
				b.start()
				b.register(registration)
				start := time.Now()
				b.engine.WaitSettled(b.Context(), b.id(1))
				if got, want := time.Since(start), 6*time.Second; got != want { // with the splay
					b.Errorf("settled after %s, want %s", got, want)
				}
				b.wantStates(tt.want)
			})
		})
	}
}

// TestWaitSettledCoversRetry: after the documented 500 the next try follows within seconds,
// and the caller waits for its result. It does not wait for a minute.
func TestWaitSettledCoversRetry(t *testing.T) {
	for _, tt := range []struct {
		name    string
		retries int
		script  []answer
		want    token.State
		posts   int
	}{
		{"granted", 1, []answer{documentedNot}, token.Live, 2},
		{"used up", 1, []answer{documented, documented}, token.Uncertain, 2},
		{"not wanted", 0, []answer{documented}, token.Uncertain, 1},
		{"then refused", 1, []answer{documentedNot, noSuch}, token.Uncertain, 2},
		{"a pause of a minute", 1, []answer{busy}, token.Uncertain, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, 1, func(b *harness) {
				b.plan.UncertainRetries = tt.retries
				b.service.answers(tt.script...)
				b.start()
				b.register(registration)
				ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
				defer cancel()
				b.engine.WaitSettled(ctx, b.id(1))
				if ctx.Err() != nil {
					b.Error("it waited for more than the retry")
				}
				b.wantStates(tt.want)
				b.wantPosts(tt.posts)
			})
		})
	}
}

// TestWaitSettledAtOnce: where nothing is going to happen, nobody waits.
func TestWaitSettledAtOnce(t *testing.T) {
	bubble(t, 2, func(b *harness) {
		b.start()
		none := b.id(9)
		b.engine.WaitSettled(b.Context(), b.id(1)) // no registration token
		b.engine.WaitSettled(b.Context(), none)    // not declared
		b.service.answers(answer{}, tooMany)
		b.register(registration)
		start := time.Now()
		b.engine.WaitSettled(b.Context(), b.id(1))
		b.engine.WaitSettled(b.Context(), b.id(2))
		b.engine.WaitSettled(b.Context(), b.id(1)) // live
		if got := time.Since(start); got > 2*time.Second {
			b.Errorf("settled after %s, want no more than the splay", got)
		}
	})
}

func TestWaitSettledEndsWithContext(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.service.answers(answer{takes: time.Minute})
		b.start()
		b.register(registration)
		ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		b.engine.WaitSettled(ctx, b.id(1))
		if got, want := time.Since(start), 10*time.Second; got != want {
			b.Errorf("returned after %s, want %s", got, want)
		}
		b.wantStates(token.Unredeemed) // and not uncertain while it is under way
		b.advance(time.Minute)
		b.wantStates(token.Live)
	})
}

// TestWaitingDoesNotPoll: whoever waits for many instances, and many who wait
// for one instance each, make a redemption look at nothing more often than when
// nobody waits. Before, each of them read the whole plan five times for each
// redemption.
func TestWaitingDoesNotPoll(t *testing.T) {
	const instances = 40
	var all []int
	for n := range instances {
		all = append(all, n+1)
	}
	looks := func(t *testing.T, waits ...[]int) (plans, gates int) {
		bubble(t, instances, func(b *harness) {
			b.start()
			b.register(registration)
			var waiting sync.WaitGroup
			for _, numbers := range waits {
				ids := b.idsOf(numbers)
				waiting.Go(func() { b.engine.WaitSettled(b.Context(), ids...) })
			}
			plans = b.wakeupsIn(time.Minute)
			waiting.Wait()
			b.wantPosts(instances)
			gates = b.gates
		})
		return plans, gates
	}
	plans, gates := looks(t)
	each := make([][]int, 0, instances)
	for _, n := range all {
		each = append(each, []int{n})
	}
	for _, tt := range []struct {
		name  string
		waits [][]int
		plans int // more than without, for each instance
		gates int // in all, for each instance: without a wait 5, and each nap asks more
	}{
		{"one waits for all", [][]int{all}, 2, 13},
		{"ten wait for all", slices.Repeat([][]int{all}, 10), 2, 25},
		{"one for each", each, 3, 13},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, g := looks(t, tt.waits...)
			if more := p - plans; more > tt.plans*instances {
				t.Errorf("the plan was read %d times more than without (%d), want at most %d", more, plans, tt.plans*instances)
			}
			if g > tt.gates*instances {
				t.Errorf("the tenant's gate was asked %d times (%d without a wait), want at most %d", g, gates, tt.gates*instances)
			}
		})
	}
}

// TestWaitSettledForMany: a wait for many ends when the last of them has settled, in
// whatever way: by an attempt of its own, by its tenant's wish for a pause, or
// since the configuration declares it no more.
func TestWaitSettledForMany(t *testing.T) {
	tests := []struct {
		name   string
		script []answer
		during func(*harness) // 3 s after the beginning
		want   time.Duration
	}{
		{"all granted", []answer{{takes: 5 * time.Second}, {takes: 5 * time.Second}, {takes: 5 * time.Second}}, nil, 16 * time.Second},
		{"the tenant asks for a pause", []answer{{takes: 5 * time.Second, err: tooMany.err}}, nil, 6 * time.Second},
		{"refused", []answer{{takes: 5 * time.Second, err: noSuch.err}}, nil, 6 * time.Second},
		{"undeclared", []answer{{takes: 5 * time.Second}}, func(b *harness) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.plan.Targets = b.plan.Targets[:1]
		}, 6 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, 3, func(b *harness) {
				b.service.answers(tt.script...)
				b.start()
				b.register(registration)
				start := time.Now()
				if tt.during != nil {
					time.AfterFunc(3*time.Second, func() { tt.during(b) })
				}
				b.engine.WaitSettled(b.Context(), b.id(1), b.id(2), b.id(3), b.id(1))
				if got := time.Since(start); got != tt.want {
					b.Errorf("settled after %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// TestCancelledWaitsDoNotAddUp: a hundred callers that hang up cost the redeemer no more
// than one.
func TestCancelledWaitsDoNotAddUp(t *testing.T) {
	bubble(t, 2, func(b *harness) {
		b.plan.Splay = 4 * time.Hour
		b.start()
		b.register(registration)
		b.advance(time.Minute)
		asked := func() int {
			before := b.gates
			b.wakeupsIn(30 * time.Minute)
			return b.gates - before
		}
		hangUp := func(times int) {
			for range times {
				ctx, cancel := context.WithCancel(b.Context())
				cancel()
				b.engine.WaitSettled(ctx, b.id(1), b.id(2))
			}
		}
		hangUp(1)
		want := asked()
		hangUp(100)
		if got := asked(); got != want {
			b.Errorf("after 100 waits that were given up the gate was asked %d times in half an hour, want %d as after one", got, want)
		}
	})
}

// TestMaskIsKept: the record of an auth token finds the registration token in later texts
// of the service, after the token itself was deleted.
func TestMaskIsKept(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.restart()
		for _, r := range b.vault.List() {
			if len(r.Mask) == 0 {
				b.Errorf("%s has no mask of its registration token", r.ID)
			}
		}
		if len(b.vault.List()) == 0 {
			b.Error("nothing was redeemed")
		}
	})
}
