package redeem_test

import (
	"testing"
	"time"

	"regent/agent/instance"
)

const century = 100 * 365 * 24 * time.Hour

// TestPolicyCountsByTheServicesClock: what policy spends once in 30 days it does
// not spend again because somebody set the device's clock, whether the service's
// is known already or only once it has been asked for something.
func TestPolicyCountsByTheServicesClock(t *testing.T) {
	for name, restarts := range map[string]bool{"it is known": false, "it is not known yet": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 1, func(b *bed) {
				b.plan.Keep, b.plan.AgainOnExpiry = true, true
				b.start()
				b.register(registration)
				b.pass(time.Minute)
				b.become(1, instance.RefreshExpired)
				b.pass(time.Hour)
				b.wantPosts(2)
				b.become(1, instance.RefreshExpired)
				b.stop()
				b.clock.SetWall(century)
				b.service.met = func() { b.see(-century) }
				if !restarts {
					b.see(-century)
				}
				b.start()
				b.pass(time.Hour)
				b.wantPosts(2)
				b.clock.Suspend(30 * 24 * time.Hour)
				b.pass(time.Hour)
				b.wantPosts(3)
				b.audit()
			})
		})
	}
}

// TestRefusalOfAWrongClock: a refusal that was noted with a clock years ahead is
// not left alone for years once the clock is right.
func TestRefusalOfAWrongClock(t *testing.T) {
	bubble(t, 1, func(b *bed) {
		b.clock.SetWall(century)
		b.service.answers(noSuch)
		b.start()
		b.register(registration)
		b.pass(time.Minute)
		b.wantPosts(1)
		b.clock.SetWall(-century)
		b.pass(7 * time.Hour)
		b.wantPosts(2)
		b.wantStates(instance.Live)
	})
}

// TestWhatIsDecidedWhileTheServiceIsLookedFor: nothing is sent for an instance
// that is wanted no more by the time that the service has been found.
func TestWhatIsDecidedWhileTheServiceIsLookedFor(t *testing.T) {
	tests := []struct {
		name string
		met  func(*bed)
	}{
		{"it is configured no more", func(b *bed) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.plan.Wants = nil
		}},
		{"its registration token was taken away", func(b *bed) {
			for _, h := range b.regs.List() {
				if err := b.regs.Drop(b.Context(), h); err != nil {
					b.Error(err)
				}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, 1, func(b *bed) {
				b.service.met = func() { tt.met(b) }
				b.start()
				b.register(registration)
				b.pass(time.Hour)
				b.wantPosts(0)
				if got := b.ledger.Entries(); len(got) != 0 {
					b.Errorf("got entries %v, want none", got)
				}
			})
		})
	}
}
