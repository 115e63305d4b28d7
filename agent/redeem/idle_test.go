package redeem_test

import (
	"testing"
	"time"
)

// wakeupsIn counts how often the engine looks at its plan in an hour in which
// nothing happens.
func (b *harness) wakeupsIn(d time.Duration) int {
	b.mu.Lock()
	before := b.looks
	b.mu.Unlock()
	b.advance(d)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.looks - before
}

// TestIdleWhenAllRedeemed: with nothing to redeem the engine wakes the device
// every five minutes only, and at once when there is something again.
func TestIdleWhenAllRedeemed(t *testing.T) {
	bubble(t, 2, func(b *harness) {
		b.start()
		if looks := b.wakeupsIn(time.Hour); looks < 100 {
			b.Errorf("waiting for a registration token, it looked %d times in an hour, want every 30 s", looks)
		}
		b.register(registration)
		b.advance(time.Minute)
		b.wantPosts(2)
		if looks := b.wakeupsIn(time.Hour); looks > 24 {
			b.Errorf("with everything bought it looked %d times in an hour, want every 5 minutes", looks)
		}
		b.mu.Lock()
		b.plan.Targets = append(b.plan.Targets, b.want(3))
		b.mu.Unlock()
		b.engine.Kick()
		b.register(registration)
		b.advance(time.Minute)
		b.wantPosts(3)
	})
}
