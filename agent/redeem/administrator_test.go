package redeem_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/store/storetest"
	"regent/agent/tms"
	"regent/agent/token"
)

// redeemLost is a device whose first instance has an uncertain redemption.
func redeemLost(b *harness) (redemption string) {
	b.service.answers(lost)
	b.start()
	b.register(registration)
	b.advance(time.Hour)
	b.wantStates(token.Uncertain)
	return b.ledger.Entries()[0].ID
}

// TestResolve: what used no count is tried again by itself, what used one is
// not, over restarts too.
func TestResolve(t *testing.T) {
	tests := []struct {
		name     string
		consumed bool
		posts    int
		state    token.State
	}{
		{"used no count", false, 2, token.Live},
		{"used a count", true, 1, token.Unredeemed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, 1, func(b *harness) {
				redemption := redeemLost(b)
				b.changes = nil
				if tt.consumed {
					defer b.wantReason(1, fault.NotRegistered, "regent instances redeem cad/1")
				}
				if err := b.engine.Resolve(b.Context(), redemption, tt.consumed, "alice"); err != nil {
					b.Fatal(err)
				}
				b.advance(time.Hour)
				b.restart()
				b.advance(time.Hour)
				b.wantPosts(tt.posts)
				b.wantStates(tt.state)
				if b.changes[0] != "cad/1 uncertain>unredeemed" {
					b.Errorf("got changes %q", b.changes)
				}
				found := b.ledger.Entries()[2]
				if found.Kind != redeem.Resolved || found.ID != redemption || found.Consumed != tt.consumed || found.By != "alice" {
					b.Errorf("got entry %+v", found)
				}
				err := b.engine.Resolve(b.Context(), redemption, tt.consumed, "alice")
				if fault.KindOf(err) != fault.InvalidRequest {
					b.Errorf("once more: got %v, want invalid_request", err)
				}
			})
		})
	}
}

// TestResolveRefuses what is not in doubt, and what cannot be written; nothing
// changes then.
func TestResolveRefuses(t *testing.T) {
	bubble(t, 2, func(b *harness) {
		b.plan.RequestForm, b.plan.RequestConfirmed = tms.Wrapped, true
		redemption := redeemLost(b)
		before := b.ledger.Entries()
		for _, id := range []string{"", "regent-99", before[len(before)-1].ID} {
			if err := b.engine.Resolve(b.Context(), id, true, "alice"); fault.KindOf(err) != fault.InvalidRequest {
				b.Errorf("%q: got %v, want invalid_request", id, err)
			}
		}
		b.store.FailNext(storetest.Put, errFull)
		if err := b.engine.Resolve(b.Context(), redemption, true, "alice"); fault.KindOf(err) != fault.Unavailable || !errors.Is(err, errFull) {
			b.Errorf("on a full disk: got %v, want unavailable", err)
		}
		if got := b.ledger.Entries(); len(got) != len(before) {
			b.Errorf("got %d entries, want the %d there were", len(got), len(before))
		}
		if err := b.engine.Resolve(b.Context(), redemption, true, "alice"); err != nil {
			b.Errorf("with room again: %v", err)
		}
	})
}

// TestRequestSurvivesRestart: the wish waits in the ledger for a registration
// token, and is spent once.
func TestRequestSurvivesRestart(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.setState(1, token.RefreshLost)
		b.ask(1)
		b.ask(1) // says it twice
		b.advance(time.Hour)
		b.wantPosts(1)
		b.restart()
		if !b.register("SENTINEL-another") {
			b.Error("the registration token was not kept, though a person asked")
		}
		b.advance(time.Hour)
		b.restart()
		b.advance(time.Hour)
		b.wantPosts(2)
		b.wantStates(token.Live)
		b.wantHeld(false)
		if got, want := b.kinds(1), []redeem.Kind{redeem.Intent, redeem.Confirmed, redeem.Asked, redeem.Intent, redeem.Confirmed}; !slices.Equal(got, want) {
			b.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestRequestClearsRefusal: the person may know that the count was raised.
func TestRequestClearsRefusal(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.service.answers(noSuch)
		b.start()
		b.register(registration)
		b.advance(time.Minute)
		b.wantPosts(1)
		b.ask(1)
		b.advance(time.Minute)
		b.wantPosts(2)
		b.wantStates(token.Live)
	})
}

// TestForget: the record goes, the ledger says so, and nothing is bought by
// itself, though a registration token is held.
func TestForget(t *testing.T) {
	bubble(t, 2, func(b *harness) {
		b.plan.KeepRegistrationToken = true
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		before, _ := b.vault.Get(b.id(1))
		if err := b.engine.Forget(b.Context(), b.id(1), "alice"); err != nil {
			b.Fatal(err)
		}
		b.advance(time.Hour)
		b.restart()
		b.advance(time.Hour)
		b.wantPosts(2)
		b.wantStates(token.Unredeemed, token.Live)
		b.wantReason(1, fault.NotRegistered, "deleted", "regent instances redeem cad/1")
		last := b.ledger.Entries()[len(b.ledger.Entries())-1]
		if last.Kind != redeem.Forgotten || last.ID != before.Intent || last.AuthTokenID != before.AuthTokenID || last.By != "alice" {
			b.Errorf("got entry %+v", last)
		}
		if err := b.engine.Forget(b.Context(), b.id(1), "alice"); fault.KindOf(err) != fault.NotRegistered {
			b.Errorf("once more: got %v, want not_registered", err)
		}
		b.ask(1)
		b.advance(time.Hour)
		b.wantPosts(3)
		b.wantStates(token.Live, token.Live)
	})
}

// TestForgetFinishedAtStart: a crash between the ledger and the record
// leaves no auth token that the ledger calls deleted.
func TestForgetFinishedAtStart(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.store.FailNext(storetest.Delete, errFull)
		if err := b.engine.Forget(b.Context(), b.id(1), "alice"); fault.KindOf(err) != fault.Unavailable {
			b.Errorf("got %v, want unavailable", err)
		}
		if _, held := b.vault.Get(b.id(1)); !held {
			b.Fatal("the record went all the same")
		}
		b.restart()
		if _, held := b.vault.Get(b.id(1)); held {
			b.Error("the next start has left the record")
		}
	})
}

// TestMissingRecord is no first run: its count was used.
func TestMissingRecord(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.plan.KeepRegistrationToken = true
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.stop()
		if err := b.store.Memory.Delete(b.Context(), "auth-token/"+b.id(1).Key()); err != nil {
			b.Fatal(err)
		}
		b.start()
		b.advance(24 * time.Hour)
		b.wantPosts(1)
		b.wantReason(1, fault.StoreUnreadable, "its record is missing")
	})
}

// TestResolveClearsRefusal: a documented 500 is uncertain, and the try after it was
// refused. Once a person says that the first used no count, Regent redeems at once.
func TestResolveClearsRefusal(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.service.answers(documentedNot, noSuch)
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.wantPosts(2)
		b.wantStates(token.Uncertain)
		b.wantReason(1, fault.RedemptionUncertain, "regent ledger resolve")
		for _, entry := range b.engine.Ledger.Entries() {
			if entry.Kind == redeem.Uncertain {
				if err := b.engine.Resolve(b.Context(), entry.ID, false, "alice"); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.advance(time.Minute)
		b.wantPosts(3)
		b.wantStates(token.Live)
	})
}
