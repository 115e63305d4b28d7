package redeem_test

import (
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/tms"
	"regent/agent/token"
)

// TestDeviceFailuresTakeNoBackOff: a disk that was full for an hour delays nothing
// once it has room, asks the service nothing meanwhile, and is told no longer.
func TestDeviceFailuresTakeNoBackOff(t *testing.T) {
	bubble(t, 3, func(b *harness) {
		asked := 0
		b.service.met = func() { asked++ }
		b.probe.Store(&errFull)
		b.start()
		b.register(registration)
		b.advance(time.Hour)
		b.wantPosts(0)
		b.wantReason(1, fault.Unavailable, errFull.Error())
		if asked > 3 {
			t.Errorf("the service was asked %d times while the disk was full", asked)
		}
		b.probe.Store(nil)
		b.advance(3 * time.Second)
		b.wantStates(token.Live, token.Live, token.Live)
	})
}

// TestRetryEndsLocalPauses: after a reload what was never sent is tried at once;
// what the service asked for is not.
func TestRetryEndsLocalPauses(t *testing.T) {
	t.Run("nothing was sent", func(t *testing.T) {
		bubble(t, 1, func(b *harness) {
			for range 100 {
				b.service.answers(notSent)
			}
			b.start()
			b.register(registration)
			b.advance(time.Hour)
			posts := b.service.posts()
			b.engine.Retry()
			b.advance(time.Second)
			if got := b.service.posts(); got == posts {
				t.Errorf("no request in the second after it, %d before", posts)
			}
		})
	})
	t.Run("a pause that was asked for", func(t *testing.T) {
		bubble(t, 1, func(b *harness) {
			b.service.answers(answer{err: failure(withRetryAfter(statusReply(429), time.Hour))})
			b.start()
			b.register(registration)
			b.advance(time.Minute)
			b.wantPosts(1)
			b.engine.Retry()
			b.advance(time.Minute)
			b.wantPosts(1)
		})
	})
	t.Run("a refused registration token", func(t *testing.T) {
		bubble(t, 1, func(b *harness) {
			b.service.answers(noSuch)
			b.start()
			b.register(registration)
			b.advance(time.Minute)
			b.wantPosts(1)
			b.engine.Retry()
			b.advance(time.Hour)
			b.wantPosts(1)
		})
	})
	t.Run("a lost answer", func(t *testing.T) {
		bubble(t, 1, func(b *harness) {
			b.service.answers(answer{err: failure(tms.Failure{Reach: tms.Lost})})
			b.start()
			b.register(registration)
			b.advance(time.Minute)
			b.engine.Retry()
			b.advance(time.Hour)
			b.wantPosts(1)
		})
	})
}
