package redeem_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/tms"
	"regent/agent/token"
)

// bubble runs a test over a bed of so many instances in virtual time.
func bubble(t *testing.T, instances int, test func(*harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newHarness(t, instances)) })
}

func TestEager(t *testing.T) {
	bubble(t, 2, func(b *harness) {
		b.start()
		if !b.register(registration) {
			b.Error("the registration token was not kept")
		}
		b.advance(3 * time.Second)
		b.wantPosts(2)
		b.wantStates(token.Live, token.Live)
		b.wantHeld(false)
		if diff := cmp.Diff(b.changes, []string{"cad/1 unredeemed>live", "cad/2 unredeemed>live"}); diff != "" {
			b.Errorf("changes: got -, want +:\n%s", diff)
		}
		if diff := cmp.Diff(b.service.paidWith, []string{registration, registration}); diff != "" {
			b.Errorf("paid with: got -, want +:\n%s", diff)
		}
		r, _ := b.vault.Get(b.id(2))
		want := tms.Request{Identifier: r.Intent, FQDN: "ws", RefID1: "cad/2", RefID2: "device-1", Form: tms.Wrapped}
		if diff := cmp.Diff(b.service.requests[1], want); diff != "" {
			b.Errorf("the second POST: got -, want +:\n%s", diff)
		}
		if r.Identifier != r.Intent || r.Registration != token.Fingerprint(secret(registration)) || r.Generation != 1 ||
			r.AccessLife.TTL != time.Hour || r.RefreshLife.TTL != 24*time.Hour || r.AuthTokenID != "id-of-"+r.Intent || r.BaseURL != "https://"+host {
			b.Errorf("got record %+v", r)
		}
		b.advance(48 * time.Hour)
		b.restart()
		b.advance(48 * time.Hour)
		b.wantPosts(2)
		b.audit()
	})
}

func TestRegistrationTokenArrivesLater(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.start()
		b.advance(time.Hour)
		b.wantPosts(0)
		b.wantStates(token.Unredeemed)
		b.wantReason(1, fault.NotRegistered, "regent register")
		b.register(registration)
		b.advance(2 * time.Second)
		b.wantStates(token.Live)
	})
}

// TestExhausted: the second instance is refused, the first one is served.
func TestExhausted(t *testing.T) {
	bubble(t, 2, func(b *harness) {
		b.service.left = 1
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.wantPosts(2)
		b.wantStates(token.Live, token.Unredeemed)
		b.wantHeld(true)
		b.wantReason(2, fault.RegistrationExhausted, "smaller than the number of devices", "unexpected users", wordsExhausted, host)
		b.restart()
		b.wantReason(2, fault.RegistrationExhausted, wordsExhausted)
		b.wantHeld(true)
		b.audit()
	})
}

func TestExpired(t *testing.T) {
	bubble(t, 2, func(b *harness) {
		b.service.answers(tooLate)
		b.start()
		b.register(registration)
		b.advance(24 * time.Hour)
		b.wantPosts(1)
		b.wantHeld(false)
		b.wantReason(1, fault.RegistrationExpired, "has expired.", host)
		b.restart()
		b.wantReason(1, fault.RegistrationExpired, "has expired.")
		b.wantStates(token.Unredeemed, token.Unredeemed)
		b.audit()
	})
}

// TestDisabled: the text's promises hold. One that is enabled again is tried again
// within six hours, and at once when a person asks.
func TestDisabled(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.service.answers(switchedOff, switchedOff)
		b.start()
		b.register(registration)
		b.advance(5 * time.Hour)
		b.wantPosts(1)
		b.wantHeld(true)
		b.wantReason(1, fault.RegistrationRefused, "enable it", "within 6 h", "regent instances redeem cad/1 (", host)
		if last := b.engine.Account(b.id(1)).Last; !strings.Contains(last.Words, "regent instances redeem cad/1 (") {
			b.Errorf("the ledger says %q, want it to name the instance", last.Words)
		}
		b.advance(2 * time.Hour)
		b.wantPosts(2)
		b.ask(1)
		b.advance(time.Minute)
		b.wantPosts(3)
		b.wantStates(token.Live)
		b.audit()
	})
}

// TestNotSent: what never left costs nothing, and is tried again with back-off,
// however small the budget.
func TestNotSent(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.plan.UncertainRetries = 0
		b.service.answers(notSent, notSent, notSent, notSent)
		b.start()
		b.register(registration)
		// 1 s of splay, then half of 1, 2, 4 and 8 s.
		for i, wait := range []time.Duration{time.Second, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second} {
			b.advance(wait - time.Millisecond)
			b.wantPosts(i)
			b.advance(time.Millisecond)
			b.wantPosts(i + 1)
			if i == 0 {
				b.wantReason(1, fault.Unavailable, host, "no count was used")
			}
		}
		b.wantStates(token.Live)
		want := []redeem.Kind{
			redeem.Intent, redeem.Unused, redeem.Intent, redeem.Unused, redeem.Intent, redeem.Unused,
			redeem.Intent, redeem.Unused, redeem.Intent, redeem.Confirmed,
		}
		if diff := cmp.Diff(b.kinds(1), want); diff != "" {
			b.Errorf("ledger: got -, want +:\n%s", diff)
		}
		b.audit()
	})
}

// TestDiscoveryFails: nothing is intended, nothing sent, and it is tried again.
func TestDiscoveryFails(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.service.discover = []error{failure(tms.Failure{Reach: tms.NotSent}), failure(withRetryAfter(statusReply(429), time.Minute)), context.DeadlineExceeded}
		b.start()
		b.register(registration)
		b.advance(1100 * time.Millisecond)
		b.wantReason(1, fault.Unavailable, host, "No count was used")
		b.advance(time.Second)
		b.wantReason(1, fault.Throttled, host)
		b.wantPosts(0)
		if got := b.ledger.Entries(); len(got) != 0 {
			b.Errorf("got entries %v, want none", got)
		}
		b.advance(90 * time.Second)
		b.wantPosts(1)
		b.wantStates(token.Live)
	})
}

// TestThrottled: the pause that one instance was asked for is the tenant's.
func TestThrottled(t *testing.T) {
	bubble(t, 3, func(b *harness) {
		b.service.answers(answer{}, tooMany)
		b.start()
		b.register(registration)
		b.advance(2 * time.Second)
		b.wantPosts(2)
		b.wantReason(2, fault.Throttled, host, "No count was used")
		b.wantReason(3, fault.Throttled, host)
		if f, _ := b.engine.Reason(b.id(3)); f.Retry <= 50*time.Second || f.Retry > time.Minute {
			b.Errorf("got %s to wait, want what is left of a minute", f.Retry)
		}
		b.register(registration) // that is no way round
		b.ask(3)
		b.advance(58 * time.Second)
		b.wantPosts(2)
		b.advance(2 * time.Second)
		b.wantPosts(4)
		b.wantStates(token.Live, token.Live, token.Live)
		b.audit()
	})
}

// TestSuspendEndsAPause: what counts is the boot clock, not the timer.
func TestSuspendEndsAPause(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.service.answers(answer{err: failure(withRetryAfter(statusReply(429), time.Hour))})
		b.start()
		b.register(registration)
		b.advance(2 * time.Second)
		b.clock.SetWall(-100 * 365 * 24 * time.Hour)
		b.clock.Suspend(time.Hour)
		b.advance(31 * time.Second)
		b.wantPosts(2)
		b.wantStates(token.Live)
	})
}

// TestRetryBudget: the documented 500, and a 503 with a time, are tried again as often as
// the limit says and no more, and no restart renews that.
func TestRetryBudget(t *testing.T) {
	for _, answered := range []answer{documented, busy} {
		testRetryBudget(t, answered)
	}
}

func testRetryBudget(t *testing.T, answered answer) {
	t.Helper()
	for retries := range 4 {
		for _, restarts := range []bool{false, true} {
			bubble(t, 1, func(b *harness) {
				b.plan.UncertainRetries = retries
				b.service.answers(slices.Repeat([]answer{answered}, 10)...)
				b.start()
				b.register(registration)
				for range 8 {
					b.advance(time.Hour)
					if restarts {
						b.restart()
					}
				}
				b.wantPosts(retries + 1)
				b.wantStates(token.Uncertain)
				b.wantHeld(true)
				b.wantReason(1, fault.RedemptionUncertain, host, "tmsctl auth-token list")
				if diff := cmp.Diff(b.changes, []string{"cad/1 unredeemed>uncertain redemption_uncertain"}); diff != "" {
					b.Errorf("changes: got -, want +:\n%s", diff)
				}
				b.audit()
			})
		}
	}
}

// TestBudgetWaitsForRetryAfter: the retry comes after the time that the service named.
func TestBudgetWaitsForRetryAfter(t *testing.T) {
	bubble(t, 2, func(b *harness) {
		b.service.answers(answer{err: busy.err})
		b.start()
		b.register(registration)
		b.advance(2 * time.Second)
		b.wantPosts(1)
		b.wantStates(token.Uncertain)
		b.wantReason(1, fault.RedemptionUncertain, "limits.redeem_uncertain_retries")
		b.wantReason(2, fault.RedemptionUnconfirmed, "cad/1")
		b.engine.Retry() // a change of the network is no reason
		b.advance(58 * time.Second)
		b.wantPosts(1)
		b.advance(3 * time.Second)
		b.wantPosts(3)
		b.wantStates(token.Live, token.Live)
		b.audit()
	})
}

func TestDocumented500ThenGranted(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.service.answers(documentedNot, notSent)
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.wantPosts(3)
		b.wantStates(token.Live)
		b.wantHeld(false)
		want := []string{"cad/1 unredeemed>uncertain redemption_uncertain", "cad/1 uncertain>live"}
		if diff := cmp.Diff(b.changes, want); diff != "" {
			b.Errorf("changes: got -, want +:\n%s", diff)
		}
		if a := b.engine.Account(b.id(1)); len(a.Uncertain) != 1 || a.Confirmed != 1 || len(a.RecentUncertain) != 0 {
			b.Errorf("got account %+v, want one uncertain still to be resolved", a)
		}
		b.audit()
	})
}

// TestLost: what may have used a count is never repeated by itself.
func TestLost(t *testing.T) {
	odd := answer{err: context.DeadlineExceeded, counts: true} // no evidence at all
	for _, first := range []answer{lost, lostUnused, odd, {err: failure(statusReply(502)), counts: true}} {
		bubble(t, 1, func(b *harness) {
			b.plan.UncertainRetries = 3
			b.service.answers(first)
			b.start()
			b.register(registration)
			for range 3 {
				b.advance(24 * time.Hour)
				b.clock.Suspend(30 * 24 * time.Hour)
				b.restart()
				b.register(registration)
			}
			b.wantPosts(1)
			b.wantStates(token.Uncertain)
			b.wantHeld(true)
			b.wantReason(1, fault.RedemptionUncertain, "regent ledger")
			b.audit()
		})
	}
}

func TestOnDemand(t *testing.T) {
	bubble(t, 2, func(b *harness) {
		for i := range b.plan.Targets {
			b.plan.Targets[i].OnDemand = true
		}
		b.start()
		b.register(registration)
		b.advance(24 * time.Hour)
		b.wantPosts(0)
		b.engine.Demand(b.id(2))
		b.advance(time.Second)
		b.wantStates(token.Unredeemed, token.Live)
		b.wantHeld(true)
		b.restart()
		b.advance(24 * time.Hour)
		b.wantPosts(1)
		b.engine.Demand(b.id(1))
		b.engine.Demand(b.id(1))
		b.advance(2 * time.Second)
		b.wantStates(token.Live, token.Live)
		b.wantHeld(false)
		b.wantPosts(2)
		b.audit()
	})
}

// TestOnDemandAfterADocumented500: a new run waits for the next caller.
func TestOnDemandAfterADocumented500(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.plan.Targets[0].OnDemand = true
		b.service.answers(documented)
		b.start()
		b.register(registration)
		b.engine.Demand(b.id(1))
		b.advance(time.Second)
		b.wantPosts(1)
		b.restart()
		b.advance(time.Hour)
		b.wantPosts(1)
		b.engine.Demand(b.id(1))
		b.advance(time.Minute)
		b.wantPosts(2)
		b.wantStates(token.Live)
		b.audit()
	})
}

// TestRequestRedeem: a person spends another count, once, in any state but one that works
// and one in doubt.
func TestRequestRedeem(t *testing.T) {
	bubble(t, 2, func(b *harness) {
		b.service.answers(lost)
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.wantStates(token.Uncertain, token.Unredeemed) // it waits until a form is proven
		b.resolve("regent-1", true)
		b.ask(1)
		b.advance(time.Hour)
		b.wantPosts(3)
		b.wantStates(token.Live, token.Live)
		b.wantHeld(false)

		// Without a registration token the wish waits for one.
		b.setState(2, token.RefreshLost)
		b.ask(2)
		b.advance(time.Hour)
		b.wantPosts(3)
		before, _ := b.vault.Get(b.id(2))
		if !b.register(registration) {
			b.Error("it was not kept, though a person asked")
		}
		b.advance(time.Hour)
		b.wantPosts(4)
		after, _ := b.vault.Get(b.id(2))
		if after.Intent == before.Intent || after.Generation != before.Generation+1 {
			b.Errorf("got %+v after %+v, want another of the next generation", after, before)
		}
		b.wantHeld(false)
		b.audit()
	})
}

// TestRequestIsUsedOnce by what may have used a count, and by a refusal; not by what
// cost nothing.
func TestRequestIsUsedOnce(t *testing.T) {
	tests := []struct {
		name   string
		answer answer
		posts  int
		state  token.State
	}{
		{"lost", lost, 2, token.Uncertain},
		{"refused", noSuch, 2, token.Revoked},
		{"not sent", notSent, 3, token.Live},
		{"granted", answer{}, 2, token.Live},
		{"the documented 500", documentedNot, 3, token.Live},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, 1, func(b *harness) {
				b.plan.KeepRegistrationToken = true
				b.service.answers(answer{}, tt.answer)
				b.start()
				b.register(registration)
				b.advance(time.Minute)
				b.setState(1, token.Revoked)
				b.changes = nil
				b.ask(1)
				b.advance(5 * time.Hour)
				b.wantPosts(tt.posts)
				b.wantStates(tt.state)
				if tt.state == token.Uncertain && !slices.Equal(b.changes, []string{"cad/1 revoked>uncertain redemption_uncertain"}) {
					b.Errorf("got changes %v", b.changes)
				}
				b.audit()
			})
		})
	}
}

// TestSplay is drawn once for a registration token, and is at most its limit.
func TestSplay(t *testing.T) {
	for _, draw := range []float64{0, 0.25, 0.999} {
		bubble(t, 3, func(b *harness) {
			b.plan.Splay = 20 * time.Second
			b.draw = draw
			b.start()
			b.register(registration)
			wait := time.Duration(draw * float64(b.plan.Splay))
			if wait > 0 {
				b.advance(wait - time.Millisecond)
				b.wantPosts(0)
				if got := b.randomCalls(); got != 1 {
					b.Errorf("drawn %d times, want once", got)
				}
			}
			b.advance(2 * time.Millisecond)
			b.wantPosts(3)
		})
	}
	bubble(t, 1, func(b *harness) {
		b.plan.Splay = time.Hour
		b.start()
		b.register(registration)
		b.advance(time.Minute)
		b.wantPosts(0)
		b.engine.SkipWait(host, token.Fingerprint(secret(registration)))
		b.advance(0)
		b.wantPosts(1)
	})
}

// TestShutdown: a POST under way is finished and recorded.
func TestShutdown(t *testing.T) {
	const takes = 20 * time.Second
	tests := []struct {
		first answer
		want  redeem.Kind
	}{
		{answer{takes: takes}, redeem.Confirmed},
		{answer{takes: takes, err: tooMany.err}, redeem.Unused},
		{answer{takes: takes, err: noSuch.err}, redeem.Refused},
		{answer{takes: takes, err: lost.err}, redeem.Uncertain},
	}
	for _, tt := range tests {
		bubble(t, 2, func(b *harness) {
			b.service.answers(tt.first)
			b.start()
			b.register(registration)
			b.advance(5 * time.Second)
			b.wantPosts(1)
			b.stop()
			if got, want := b.kinds(1), []redeem.Kind{redeem.Intent, tt.want}; !slices.Equal(got, want) {
				b.Errorf("got ledger %v, want %v", got, want)
			}
			b.start()
			b.wantPosts(1) // and no other was begun
			b.advance(2 * time.Minute)
			b.audit()
		})
	}
}

// TestRefreshExpired: policy redeems again where it says so, once in 30 days.
func TestRefreshExpired(t *testing.T) {
	for _, again := range []bool{false, true} {
		bubble(t, 1, func(b *harness) {
			b.plan.KeepRegistrationToken, b.plan.RedeemOnExpiry = true, again
			b.start()
			b.register(registration)
			b.advance(time.Minute)
			want := 1
			for day := range 61 {
				b.setState(1, token.RefreshExpired)
				if again && day%30 == 0 {
					want++
				}
				b.clock.Suspend(22 * time.Hour)
				b.advance(time.Hour)
				b.wantPosts(want)
				b.advance(time.Hour)
			}
			b.audit()
		})
	}
}

// TestNoAutomaticRedemption: for a revoked or a lost one a person is needed,
// whatever policy says of expired ones.
func TestNoAutomaticRedemption(t *testing.T) {
	for _, state := range []token.State{token.Revoked, token.RefreshLost, token.Live, token.Stale, token.Expired} {
		bubble(t, 2, func(b *harness) {
			b.plan.KeepRegistrationToken, b.plan.RedeemOnExpiry = true, true
			b.start()
			b.register(registration)
			b.advance(time.Minute)
			b.setState(2, state)
			for range 3 {
				b.clock.Suspend(40 * 24 * time.Hour)
				b.advance(time.Hour)
				b.register(registration)
				b.engine.Demand(b.id(1))
				b.advance(time.Hour)
				b.restart()
			}
			b.advance(time.Hour)
			b.wantPosts(2)
			b.wantStates(token.Live, state)
		})
	}
}
