package redeem_test

import (
	"slices"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/token"
)

// TestRestartKeepsPause: a restart ends no pause before a redemption that is repeated by
// itself, whatever the pause is of: the service's time, or the back-off. Nor does the
// registration token that comes again at each start.
func TestRestartKeepsPause(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer answer
		posts  int // of two instances in 20 minutes, with a restart every 3 s
	}{
		{"429 with a minute", tooMany, 20},
		{"429 without a time", answer{err: failure(statusReply(429))}, 20},
		{"429 with a second", answer{err: failure(withRetryAfter(statusReply(429), time.Second))}, 20},
		{"429 with an hour", answer{err: failure(withRetryAfter(statusReply(429), time.Hour))}, 1},
		{"503 with an hour", answer{err: failure(withRetryAfter(serviceReply(503, "BUSY", "busy"), time.Hour)), counts: true}, 1},
		{"the documented 500", documented, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, 2, func(b *harness) {
				b.plan.UncertainRetries, b.plan.Splay = 5, 0
				b.service.answers(slices.Repeat([]answer{tt.answer}, 100)...)
				b.start()
				b.register(registration)
				for range 400 {
					b.advance(3 * time.Second)
					b.restart()
					b.register(registration)
				}
				if got := b.service.posts(); got > tt.posts {
					b.Errorf("got %d POSTs, want at most %d", got, tt.posts)
				}
				b.audit()
			})
		})
	}
}

// TestRestartKeepsBackoff: the next pause is that of the number of failures before.
func TestRestartKeepsBackoff(t *testing.T) {
	bubble(t, 1, func(b *harness) {
		b.plan.UncertainRetries = 5
		b.service.answers(slices.Repeat([]answer{documented}, 4)...)
		b.start()
		b.register(registration)
		b.advance(time.Minute)
		b.wantStates(token.Live)
		posts := b.service.posts()
		b.service.answers(slices.Repeat([]answer{documented}, 5)...)
		b.setState(1, token.Revoked)
		b.register(registration)
		b.ask(1)
		b.advance(5 * time.Second) // after 0, 0.5, 1.5, 3.5 s
		b.wantPosts(posts + 4)
		b.restart() // 8 s at most since the last one
		b.advance(6 * time.Second)
		b.wantPosts(posts + 4)
		b.advance(time.Second)
		b.wantPosts(posts + 5)
	})
}

// TestPersonEndsResumedPause: a person's decision, and another registration token, are
// followed at once after a restart too.
func TestPersonEndsResumedPause(t *testing.T) {
	for name, act := range map[string]func(*harness){
		"redeem":                     func(b *harness) { b.ask(1) },
		"another registration token": func(b *harness) { b.register("SENTINEL-another") },
		"the same one, by hand": func(b *harness) {
			b.register(registration)
			b.engine.SkipWait(host, token.Fingerprint(secret(registration)))
		},
		"another one, and a restart": func(b *harness) { b.register("SENTINEL-another"); b.restart() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 1, func(b *harness) {
				b.plan.Splay = 0
				b.service.answers(tooMany)
				b.start()
				b.register(registration)
				b.advance(3 * time.Second)
				b.restart()
				b.advance(3 * time.Second)
				b.wantPosts(1)
				b.wantReason(1, fault.Throttled, host)
				act(b)
				b.advance(time.Second)
				b.wantPosts(2)
				b.wantStates(token.Live)
				b.audit()
			})
		})
	}
}
