package refresh

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/fault"
	"regent/agent/store/storetest"
	"regent/agent/token"
	"regent/agent/tokenstore"
)

// A process died while it asked, and the next one cannot ask at first: its disk
// is full, or its client cannot be made. The open attempt is still the evidence
// by which invalid_grant is read, once there is an answer.
func TestEvidenceSurvivesUnsentAttempt(t *testing.T) {
	tests := []struct {
		name string
		fail func(*harness)
	}{
		{"the disk is full", func(b *harness) { b.store.FailNext(storetest.Put, errors.New("no space left on device")) }},
		{"no client", func(b *harness) { b.noClient = errors.New("ca_file: no such file") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newHarness(t, answerFailure(invalidGrantFailure()))
				b.stop()
				if _, err := b.Tokens.Update(t.Context(), b.record(t), func(r *tokenstore.Record) { r.Attempt.Open = true }); err != nil {
					t.Fatal(err)
				}
				tt.fail(b)
				b.run(t)
				defer b.stop()
				f, err := b.Join(one) // the engine's own flight may have failed by now
				if err == nil {
					err = f.Wait(t.Context())
				}
				if err == nil || b.service.count() != 0 {
					t.Fatalf("Wait = %v after %d requests, want a failure and none", err, b.service.count())
				}
				if !b.record(t).Attempt.AnswerMissing() {
					t.Error("nothing was asked, and the attempt of the process that died is forgotten")
				}
				time.Sleep(time.Hour)
				if got := b.record(t).State; got != token.RefreshLost {
					t.Errorf("state %s, want %s", got, token.RefreshLost)
				}
			})
		})
	}
}

// A caller forces a refresh long before one is due, and its answer is lost. The
// same refresh token is sent again within seconds: a service's grace is no longer.
func TestLostAnswerOfAForcedRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerFailure(lostFailure()), answerRotated)
		defer b.stop()
		time.Sleep(10 * time.Minute)
		f, err := b.Force(one)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Wait(t.Context()); err == nil {
			t.Fatal("the answer was not lost")
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if r := b.record(t); b.service.count() != 2 || r.Generation != 2 || r.Attempt.AnswerMissing() {
			t.Errorf("after %d requests: generation %d, attempt %+v; want the second to have settled it", b.service.count(), r.Generation, r.Attempt)
		}
	})
}

// An answer that cannot be stored leaves its evidence on disk: whoever reads it
// after a power cut does not take a rotated refresh token for a revoked one.
func TestUnsavedAnswerKeepsEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerRotated)
		defer b.stop()
		b.store.FailNext(storetest.Put, nil) // the attempt
		b.store.FailNext(storetest.Put, errors.New("no space left on device"))
		f, err := b.Join(one)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Wait(t.Context()); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("Wait = %v, want unavailable", err)
		}
		v, err := tokenstore.Open(t.Context(), b.store) // as a start after a power cut would
		if err != nil {
			t.Fatal(err)
		}
		if r, _ := v.Get(one); !r.Attempt.AnswerMissing() || r.State != token.Live {
			t.Errorf("on disk: %s, attempt %+v; want live and in doubt", r.State, r.Attempt)
		}
	})
}

// What could not be stored has a last chance when the daemon stops.
func TestUnsavedAnswerIsFlushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerRotated)
		b.store.FailNext(storetest.Put, nil)
		b.store.FailNext(storetest.Put, errors.New("no space left on device"))
		f, err := b.Join(one)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Wait(t.Context()); err == nil {
			t.Error("the flight says that all went well")
		}
		b.stop()
		if r := b.record(t); r.Refresh.Reveal() != "refresh+" || r.Generation != 2 {
			t.Errorf("at the end: generation %d, refresh token %q; want 2 and the new one", r.Generation, r.Refresh.Reveal())
		}
	})
}

// A revocation that cannot be stored withdraws the access token all the same,
// and is stored before anything else is asked.
func TestRevocationOnAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerFailure(invalidGrantFailure()))
		defer b.stop()
		b.store.FailNext(storetest.Put, nil)
		b.store.FailNext(storetest.Put, errors.New("no space left on device"))
		f, err := b.Join(one)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Wait(t.Context()); fault.KindOf(err) != fault.Revoked {
			t.Errorf("Wait = %v, want revoked", err)
		}
		if b.record(t).Servable() {
			t.Error("the access token is still to be handed out")
		}
		time.Sleep(time.Hour)
		if got := b.record(t).State; got != token.Revoked || b.service.count() != 1 {
			t.Errorf("an hour later: %s after %d requests, want revoked after 1", got, b.service.count())
		}
	})
}

// The older refresh token has its one try also when the first attempt at it did
// not reach the service.
func TestPreviousTokenTriedAfterOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerRotated, answerFailure(lostFailure()), answerFailure(invalidGrantFailure()), answerFailure(offlineFailure()), answerFailure(invalidGrantFailure()), answerRotated)
		defer b.stop()
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		want := []string{"refresh", "refresh+", "refresh+", "refresh", "refresh+", "refresh"}
		if got := b.service.sent; len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Errorf("sent %q, want it to begin with %q", got, want)
		}
		if got := b.record(t).State; got != token.Live {
			t.Errorf("state %s, want live", got)
		}
	})
}
