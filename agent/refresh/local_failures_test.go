package refresh

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/store/storetest"
	"regent/agent/tms"
	"regent/agent/tokenstore"
)

var errFull = errors.New("no space left on device")

// failWrites makes the next n writes fail.
func (b *harness) failWrites(n int) {
	for range n {
		b.store.FailNext(storetest.Put, errFull)
	}
}

// TestDeviceFailuresTakeNoBackOff: a disk that was full for a while delays no
// refresh once it has room, asks the service nothing meanwhile, and is told no
// longer than it is so.
func TestDeviceFailuresTakeNoBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerRotated)
		b.failWrites(400) // two writes for each try, a try each two seconds: 400 s
		r, _ := b.Tokens.Get(one)
		time.Sleep(b.NextDue(r) + 150*time.Second)
		synctest.Wait()
		if f, _ := b.LastFault(one); f == nil || b.service.count() != 0 {
			t.Errorf("while the disk is full: fault %v, %d requests", f, b.service.count())
		}
		time.Sleep(253 * time.Second)
		synctest.Wait()
		if f, _ := b.LastFault(one); f != nil || b.service.count() != 1 {
			t.Errorf("with room again: fault %v, %d requests", f, b.service.count())
		}
		b.stop()
	})
}

// TestRetryEndsLocalPauses: after a reload a refresh that was never sent is tried
// at once; a pause that the service asked for stays.
func TestRetryEndsLocalPauses(t *testing.T) {
	asked := answerFailure(withRetryAfter(statusFailure(429, "", ""), time.Hour))
	for name, tt := range map[string]struct {
		script func(tms.RefreshRequest) (tms.AuthToken, error)
		tried  bool // in the second after it
	}{
		"nothing was sent":           {answerFailure(offlineFailure()), true},
		"a pause that was asked for": {asked, false},
		"a lost answer":              {answerFailure(lostFailure()), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newHarness(t, tt.script)
				r, _ := b.Tokens.Get(one)
				if _, err := b.Tokens.Update(t.Context(), r, func(r *tokenstore.Record) { r.AccessLife.TTL = time.Minute }); err != nil {
					t.Fatal(err)
				}
				b.Kick()
				time.Sleep(time.Hour)
				synctest.Wait()
				before := b.service.count()
				if b.Pauses.Left(one) < 2*time.Second && tt.tried {
					t.Fatalf("paused for %s, too short to show anything", b.Pauses.Left(one))
				}
				b.Retry()
				time.Sleep(time.Second)
				synctest.Wait()
				if got := b.service.count() - before; (got > 0) != tt.tried {
					t.Errorf("%d requests in the second after it, want some: %t", got, tt.tried)
				}
				b.stop()
			})
		})
	}
}
