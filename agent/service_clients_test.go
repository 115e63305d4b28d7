package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/timing"
	"regent/agent/timing/timingtest"
	"regent/agent/tms"
)

// TestPauseOfATenant: what an answer says of the tenant as a whole, for whatever
// instance it came. Too many requests is a pause for all, also from a service, or
// a proxy before it, that names no time.
func TestPauseOfATenant(t *testing.T) {
	answer := func(status int, after time.Duration, told bool) *tms.Failure {
		return &tms.Failure{Reach: tms.Answered, Status: status, RetryAfter: after, HasRetryAfter: told}
	}
	for _, tt := range []struct {
		name   string
		answer *tms.Failure
		least  time.Duration
		asked  bool
	}{
		{"429 with a time", answer(429, 10*time.Minute, true), 10 * time.Minute, true},
		{"429 without one", answer(429, 0, false), time.Minute, true},
		{"429, at once", answer(429, 0, true), 0, false},
		{"503 with a time", answer(503, 5*time.Second, true), 5 * time.Second, true},
		{"503 without one", answer(503, 0, false), 0, false},
		{"a portal", answer(511, 0, false), 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := timingtest.New()
				k := serviceClients{clock: c, breaker: timing.NewCircuitBreaker(c, func() float64 { return 0 })}
				k.recordOutcome("demo-host.com", tt.answer)
				if left, asked := k.breaker.Remaining("demo-host.com"); left != tt.least || asked != tt.asked {
					t.Errorf("left alone for %s, asked %t; want %s, %t", left, asked, tt.least, tt.asked)
				}
			})
		})
	}
}
