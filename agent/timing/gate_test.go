package timing_test

import (
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/timing"
	"regent/agent/timing/timingtest"
)

const host = "demo-host.com"

// gate is a gate in a bubble, with a draw of one half.
func gate(t *testing.T, f func(t *testing.T, g *timing.Gate)) {
	synctest.Test(t, func(t *testing.T) {
		f(t, timing.NewGate(timingtest.New(), func() float64 { return 0.5 }))
	})
}

func wantWait(t *testing.T, g *timing.Gate, want time.Duration, wantAsked bool) {
	t.Helper()
	if got, asked := g.Wait(host); got != want || asked != wantAsked {
		t.Errorf("Wait: got %s, asked %t, want %s, %t", got, asked, want, wantAsked)
	}
}

// fail lets n rounds of requests fail, and returns how many could be made.
func fail(g *timing.Gate, n int) (made int) {
	for range n {
		if g.Enter(host) {
			made++
			g.Failed(host)
		}
		time.Sleep(timing.Base)
	}
	return made
}

// TestGateOpensAfterFive: until then each instance has its own pauses alone.
func TestGateOpensAfterFive(t *testing.T) {
	gate(t, func(t *testing.T, g *timing.Gate) {
		if got := fail(g, 4); got != 4 {
			t.Errorf("%d of 4 requests were let through", got)
		}
		wantWait(t, g, 0, false)
		g.Enter(host)
		g.Failed(host)
		wantWait(t, g, 8*time.Second, false)
		if left, _ := g.Wait("other.example.com"); left != 0 || !g.Enter("other.example.com") {
			t.Error("another tenant is kept waiting too")
		}
	})
}

// TestGateCountsRounds: a hundred instances that fail at one moment are one
// failure.
func TestGateCountsRounds(t *testing.T) {
	gate(t, func(t *testing.T, g *timing.Gate) {
		for range 100 {
			g.Failed(host)
		}
		wantWait(t, g, 0, false)
	})
}

// TestGateProbes: with the breaker open one request at a time is made.
func TestGateProbes(t *testing.T) {
	gate(t, func(t *testing.T, g *timing.Gate) {
		fail(g, 5)
		if g.Enter(host) {
			t.Error("a request was let through during the pause")
		}
		time.Sleep(8 * time.Second)
		if !g.Enter(host) {
			t.Fatal("no probe after the pause")
		}
		if g.Enter(host) {
			t.Error("a second request beside the probe")
		}
		g.Failed(host)
		wantWait(t, g, 16*time.Second, false)
		time.Sleep(16 * time.Second)
		if !g.Enter(host) {
			t.Fatal("no second probe")
		}
		g.Works(host)
		wantWait(t, g, 0, false)
		if got := fail(g, 4); got != 4 {
			t.Errorf("after it worked %d of 4 requests were let through: the count is not new", got)
		}
	})
}

// TestGateProbeWithoutWord: one who never says how it went blocks nobody for ever.
func TestGateProbeWithoutWord(t *testing.T) {
	gate(t, func(t *testing.T, g *timing.Gate) {
		fail(g, 5)
		time.Sleep(8 * time.Second)
		g.Enter(host)
		time.Sleep(2 * time.Minute)
		if !g.Enter(host) {
			t.Error("the next probe is not let through")
		}
	})
}

// TestGateAsked: a pause that was asked for is kept to and a little longer, and
// nothing shortens it.
func TestGateAsked(t *testing.T) {
	gate(t, func(t *testing.T, g *timing.Gate) {
		g.Asked(host, time.Minute)
		wantWait(t, g, 75*time.Second, true)
		g.Asked(host, time.Second)
		g.Works(host)
		g.Failed(host)
		wantWait(t, g, 75*time.Second, true)
		time.Sleep(74 * time.Second)
		if g.Enter(host) {
			t.Error("a request was let through")
		}
		time.Sleep(time.Second)
		if !g.Enter(host) {
			t.Error("no request after it")
		}
	})
}
