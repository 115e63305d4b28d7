package timing_test

import (
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/timing"
	"regent/agent/timing/timingtest"
)

const host = "demo-host.com"

// withBreaker is a gate in a bubble, with a draw of one half.
func withBreaker(t *testing.T, f func(t *testing.T, g *timing.CircuitBreaker)) {
	synctest.Test(t, func(t *testing.T) {
		f(t, timing.NewCircuitBreaker(timingtest.New(), func() float64 { return 0.5 }))
	})
}

func wantRemaining(t *testing.T, g *timing.CircuitBreaker, want time.Duration, wantAsked bool) {
	t.Helper()
	if got, asked := g.Remaining(host); got != want || asked != wantAsked {
		t.Errorf("Wait: got %s, asked %t, want %s, %t", got, asked, want, wantAsked)
	}
}

// fail lets n rounds of requests fail, and returns how many could be made.
func fail(g *timing.CircuitBreaker, n int) (made int) {
	for range n {
		if g.Allow(host) {
			made++
			g.Failure(host)
		}
		time.Sleep(timing.BackoffBase)
	}
	return made
}

// TestBreakerOpensAfterFiveFailures: until then each instance has its own pauses alone.
func TestBreakerOpensAfterFiveFailures(t *testing.T) {
	withBreaker(t, func(t *testing.T, g *timing.CircuitBreaker) {
		if got := fail(g, 4); got != 4 {
			t.Errorf("%d of 4 requests were let through", got)
		}
		wantRemaining(t, g, 0, false)
		g.Allow(host)
		g.Failure(host)
		wantRemaining(t, g, 8*time.Second, false)
		if left, _ := g.Remaining("other.example.com"); left != 0 || !g.Allow("other.example.com") {
			t.Error("another tenant is kept waiting too")
		}
	})
}

// TestBreakerCountsRounds: a hundred instances that fail at one moment are one
// failure.
func TestBreakerCountsRounds(t *testing.T) {
	withBreaker(t, func(t *testing.T, g *timing.CircuitBreaker) {
		for range 100 {
			g.Failure(host)
		}
		wantRemaining(t, g, 0, false)
	})
}

// TestBreakerProbes: with the breaker open one request at a time is made.
func TestBreakerProbes(t *testing.T) {
	withBreaker(t, func(t *testing.T, g *timing.CircuitBreaker) {
		fail(g, 5)
		if g.Allow(host) {
			t.Error("a request was let through during the pause")
		}
		time.Sleep(8 * time.Second)
		if !g.Allow(host) {
			t.Fatal("no probe after the pause")
		}
		if g.Allow(host) {
			t.Error("a second request beside the probe")
		}
		g.Failure(host)
		wantRemaining(t, g, 16*time.Second, false)
		time.Sleep(16 * time.Second)
		if !g.Allow(host) {
			t.Fatal("no second probe")
		}
		g.Success(host)
		wantRemaining(t, g, 0, false)
		if got := fail(g, 4); got != 4 {
			t.Errorf("after it worked %d of 4 requests were let through: the count is not new", got)
		}
	})
}

// TestBreakerProbeWithoutResult: one who never says how it went blocks nobody for ever.
func TestBreakerProbeWithoutResult(t *testing.T) {
	withBreaker(t, func(t *testing.T, g *timing.CircuitBreaker) {
		fail(g, 5)
		time.Sleep(8 * time.Second)
		g.Allow(host)
		time.Sleep(2 * time.Minute)
		if !g.Allow(host) {
			t.Error("the next probe is not let through")
		}
	})
}

// TestBreakerRetryAfter: a pause that was asked for is kept to and a little longer, and
// nothing shortens it.
func TestBreakerRetryAfter(t *testing.T) {
	withBreaker(t, func(t *testing.T, g *timing.CircuitBreaker) {
		g.RetryAfter(host, time.Minute)
		wantRemaining(t, g, 75*time.Second, true)
		g.RetryAfter(host, time.Second)
		g.Success(host)
		g.Failure(host)
		wantRemaining(t, g, 75*time.Second, true)
		time.Sleep(74 * time.Second)
		if g.Allow(host) {
			t.Error("a request was let through")
		}
		time.Sleep(time.Second)
		if !g.Allow(host) {
			t.Error("no request after it")
		}
	})
}
