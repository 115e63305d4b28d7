package refresh

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/fault"
	"regent/agent/store/storetest"
	"regent/agent/timing/timingtest"
	"regent/agent/token"
	"regent/agent/tokenstore"
)

func TestStartSplay(t *testing.T) {
	for _, tt := range []struct {
		name    string
		attempt tokenstore.Attempt
		refresh time.Duration // life of the refresh token, 0 if unknown
		away    time.Duration
		want    time.Duration
	}{
		{"a part of the access token's life", tokenstore.Attempt{}, 0, 2 * time.Hour, 18 * time.Minute},
		{"a refresh token that lives long", tokenstore.Attempt{}, 48 * time.Hour, 2 * time.Hour, 18 * time.Minute},
		{"a refresh token near its end", tokenstore.Attempt{}, 150 * time.Minute, 2 * time.Hour, 15 * time.Minute},
		{"a refresh token past it", tokenstore.Attempt{}, time.Hour, 2 * time.Hour, 0},
		{"an answer is missing", tokenstore.Attempt{Open: true}, 0, 2 * time.Hour, 0},
		{"an earlier answer is missing", tokenstore.Attempt{Unanswered: 1}, 0, 2 * time.Hour, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := timingtest.New()
				r := tokenstore.Record{AccessLife: tokenstore.NewLifetime(c, time.Hour), RefreshLife: tokenstore.NewLifetime(c, tt.refresh), Attempt: tt.attempt}
				time.Sleep(tt.away)
				if got := startSplay(r, c); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// newHarnessWith is an engine over n auth tokens of one tenant, received just now.
func newHarnessWith(t *testing.T, n int) *harness {
	t.Helper()
	b := &harness{clock: timingtest.New(), store: &storetest.Memory{}, service: &service{delay: time.Second}, woke: make(chan struct{})}
	b.service.script = append(b.service.script, answerRotated)
	for i := range n {
		id := one
		id.Number = i + 1
		b.addToken(t, tokenstore.Record{ID: id})
	}
	return b
}

// TestFlightsAtOnce: fifty auth tokens that are due at one moment are refreshed
// four at a time.
func TestFlightsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarnessWith(t, 50)
		b.run(t)
		defer b.stop()
		time.Sleep(36*time.Minute + 1500*time.Millisecond)
		if got := b.service.count(); got != flightsAtOnce {
			t.Errorf("after a second %d are answered, want %d", got, flightsAtOnce)
		}
		time.Sleep(time.Minute)
		if got := b.service.count(); got != 50 {
			t.Errorf("after a minute %d are answered, want 50", got)
		}
	})
}

// TestPausedTenant: while a tenant is left alone nothing is sent to it, and a
// caller is told why and for how long.
func TestPausedTenant(t *testing.T) {
	for _, asked := range []bool{true, false} {
		t.Run(fmt.Sprint(asked), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newHarnessWith(t, 1)
				until := b.clock.Boot() + 2*time.Hour
				b.held = func(string) (time.Duration, bool) { return max(0, until-b.clock.Boot()), asked }
				b.run(t)
				defer b.stop()
				f, err := b.Join(one)
				want := fault.Unavailable
				if asked {
					want = fault.Throttled
				}
				if f != nil || fault.KindOf(err) != want || fault.From(err).Retry != 2*time.Hour {
					t.Errorf("Join = %v, %v; want %s for 2h", f, err, want)
				}
				time.Sleep(119 * time.Minute)
				if got := b.service.count(); got != 0 {
					t.Errorf("%d requests were sent meanwhile", got)
				}
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if got := b.service.count(); got != 1 {
					t.Errorf("%d requests were sent after it, want 1", got)
				}
			})
		})
	}
}

// TestRefusalsEndInTheEvidence: three refusals that are no invalid_grant, over
// half an hour, mean what our own record says.
func TestRefusalsEndInTheEvidence(t *testing.T) {
	no := statusFailure(403, "forbidden", "no")
	enough := Evidence{Refusals: tokenstore.Refusals{Count: 2}, SinceFirst: time.Hour, SaneClock: true}
	for _, tt := range []struct {
		name   string
		change func(*Evidence)
		want   token.State
	}{
		{"nothing else is known", func(*Evidence) {}, token.Revoked},
		{"an answer is missing", func(e *Evidence) { e.Before.Unanswered = 1 }, token.RefreshLost},
		{"past its life", func(e *Evidence) { e.RefreshTokenExpired = true }, token.RefreshExpired},
		{"an insane clock", func(e *Evidence) { e.SaneClock = false }, token.Stale},
		{"too soon", func(e *Evidence) { e.SinceFirst = time.Minute }, token.Stale},
	} {
		e := enough
		tt.change(&e)
		if got := Classify(no, e).State; got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
