package redeem_test

import (
	"strings"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/token"
)

// The stories of this file are of a person who decides while a redemption comes
// to its end: what was bought meanwhile is neither deleted nor bought twice.

// TestForgetKeepsNewerToken: a person deletes an auth token that is
// revoked. While the ledger takes that, the one that was bought in its place is
// stored.
func TestForgetKeepsNewerToken(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.setState(1, token.Revoked)
		another, _ := b.vault.Get(b.id(1))
		another.Intent, another.State = "regent-2", token.Live
		b.store.inject(storeFault{after: func(int) error {
			b.store.inject(storeFault{})
			return b.vault.Create(b.Context(), another)
		}})
		if err := b.engine.Forget(b.Context(), b.id(1), "alice"); err != nil {
			b.Errorf("Forget = %v", err)
		}
		if r, _ := b.vault.Get(b.id(1)); r.Intent != "regent-2" {
			b.Errorf("the vault holds %q, want the auth token that came meanwhile", r.Intent)
		}
	})
}

// TestForgetWaitsForTheLedger: an auth token is stored, and the ledger could not
// take yet that it was bought. That line, written later, must not name one that
// is gone.
func TestForgetWaitsForTheLedger(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.service.answers(answer{during: func() { b.store.inject(storeFault{refuses: "ledger/head"}) }})
		b.start()
		b.register(registration)
		b.advance(2 * time.Second)
		if _, held := b.vault.Get(b.id(1)); !held || len(b.ledger.Entries()) != 1 {
			b.Fatalf("held %t, ledger %v; want an auth token and its intent alone", held, b.ledger.Entries())
		}
		b.store.inject(storeFault{})
		if err := b.engine.Forget(b.Context(), b.id(1), "alice"); fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.From(err).Text(), "Try again") {
			b.Errorf("Forget = %v, want unavailable for a moment", err)
		}
		b.advance(time.Minute)
		b.wantStates(token.Live)
		if err := b.engine.Forget(b.Context(), b.id(1), "alice"); err != nil {
			b.Errorf("a minute later: %v", err)
		}
		b.advance(time.Minute)
		b.wantReason(1, fault.NotRegistered, "deleted")
	})
}

// TestRequestOfWorkingToken: a wish for an instance whose auth token works is refused,
// and spends nothing later either, when that one is revoked.
func TestRequestOfWorkingToken(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.plan.KeepRegistrationToken = true
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		if err := b.engine.RequestRedeem(b.Context(), b.id(1), "root"); fault.KindOf(err) != fault.InvalidRequest {
			b.Errorf("Ask = %v, want invalid_request", err)
		}
		b.setState(1, token.Revoked)
		b.advance(time.Hour)
		b.wantCounts(1)
		b.wantStates(token.Revoked)
	})
}

// TestRequestOfUncertainRedemption: no count is spent beside one that may have been used,
// until a person has decided about each of those. Then a person's wish is followed.
func TestRequestOfUncertainRedemption(t *testing.T) {
	for _, first := range []answer{lost, documented, busy, spoiled(502)} {
		bubble(t, 1, func(b *harness) {
			b.service.answers(first, first)
			b.start()
			b.register(registration)
			b.advance(time.Hour)
			before := b.service.posts()
			for range before {
				for range 2 {
					err := b.engine.RequestRedeem(b.Context(), b.id(1), "root")
					doubt := b.engine.Account(b.id(1)).RecentUncertain
					resolve := "regent ledger resolve " + doubt[len(doubt)-1].ID
					if fault.KindOf(err) != fault.InvalidRequest || !strings.Contains(err.Error(), resolve+" --consumed") || !strings.Contains(err.Error(), resolve+" --not-consumed") {
						b.Errorf("%v: got %v, want invalid_request that names %s", first.err, err, resolve)
					}
					b.advance(time.Hour)
					b.restart()
				}
				doubt := b.engine.Account(b.id(1)).RecentUncertain
				b.resolve(doubt[len(doubt)-1].ID, true)
			}
			b.wantPosts(before)
			b.service.script = nil
			b.ask(1)
			b.advance(time.Hour)
			b.wantPosts(before + 1)
			b.wantStates(token.Live)
			b.audit()
		})
	}
}

// TestRequestDuringRedemption: the auth token is stored and confirmed between the
// person's look and the line in the ledger. The wish was for the one before.
func TestRequestDuringRedemption(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.plan.KeepRegistrationToken = true
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		late := redeem.Entry{Kind: redeem.Asked, Tenant: host, Instance: b.id(1).String(), By: "root"} // it saw none
		b.stop()
		l := b.open(b.T)
		add(b.T, l, late)
		l.Close()
		b.start()
		b.advance(time.Hour)
		b.setState(1, token.Revoked)
		b.advance(time.Hour)
		b.wantCounts(1)
	})
}
