package redeem_test

import (
	"testing"
	"time"

	"regent/agent/token"
)

const century = 100 * 365 * 24 * time.Hour

// TestPolicyUsesServiceClock: what policy spends once in 30 days it does
// not spend again because somebody set the device's clock, whether the service's
// is known already or only once it has been asked for something.
func TestPolicyUsesServiceClock(t *testing.T) {
	for name, restarts := range map[string]bool{"it is known": false, "it is not known yet": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 1, func(b *harness) {
				b.plan.KeepRegistrationToken, b.plan.RedeemOnExpiry = true, true
				b.start()
				b.register(registration)
				b.advance(time.Minute)
				b.setState(1, token.RefreshExpired)
				b.advance(time.Hour)
				b.wantPosts(2)
				b.setState(1, token.RefreshExpired)
				b.stop()
				b.clock.SetWall(century)
				b.service.met = func() { b.observeSkew(-century) }
				if !restarts {
					b.observeSkew(-century)
				}
				b.start()
				b.advance(time.Hour)
				b.wantPosts(2)
				b.clock.Suspend(30 * 24 * time.Hour)
				b.advance(time.Hour)
				b.wantPosts(3)
				b.audit()
			})
		})
	}
}

// TestRefusalOfAWrongClock: a refusal that was noted with a clock years ahead is
// not left alone for years once the clock is right.
func TestRefusalOfAWrongClock(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.clock.SetWall(century)
		b.service.answers(noSuch)
		b.start()
		b.register(registration)
		b.advance(time.Minute)
		b.wantPosts(1)
		b.clock.SetWall(-century)
		b.advance(7 * time.Hour)
		b.wantPosts(2)
		b.wantStates(token.Live)
	})
}

// TestDecisionDuringDiscovery: nothing is sent for an instance
// that is wanted no more by the time that the service has been found.
func TestDecisionDuringDiscovery(t *testing.T) {
	tests := []struct {
		name string
		met  func(*harness)
	}{
		{"it is configured no more", func(b *harness) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.plan.Targets = nil
		}},
		{"its registration token was taken away", func(b *harness) {
			for _, h := range b.regs.List() {
				if err := b.regs.Delete(b.Context(), h); err != nil {
					b.Error(err)
				}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, 1, func(b *harness) {
				b.service.met = func() { tt.met(b) }
				b.start()
				b.register(registration)
				b.advance(time.Hour)
				b.wantPosts(0)
				if got := b.ledger.Entries(); len(got) != 0 {
					b.Errorf("got entries %v, want none", got)
				}
			})
		})
	}
}
