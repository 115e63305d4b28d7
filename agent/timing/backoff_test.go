package timing_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regent/agent/timing"
)

// almostOne is the largest draw there is.
var almostOne = math.Nextafter(1, 0)

// TestPauseBounds: the bound of the n-th pause doubles from a second to 25
// minutes. The largest draw shows it.
func TestPauseBounds(t *testing.T) {
	want := time.Second
	for n := 1; n <= 12; n++ {
		got := timing.Pause(n, almostOne)
		if got >= want || want-got > time.Microsecond {
			t.Errorf("Pause(%d) at most: got %s, want just below %s", n, got, want)
		}
		want = min(2*want, 25*time.Minute)
	}
}

// TestPauseIsWithinItsBound: for any number of failures, even one that makes no
// sense or has overflowed, and any draw.
func TestPauseIsWithinItsBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(-3, 70), rapid.Int()).Draw(t, "n")
		draw := rapid.Float64Range(0, almostOne).Draw(t, "draw")
		got := timing.Pause(n, draw)
		if got < 0 || got > timing.Cap {
			t.Fatalf("Pause(%d, %v): got %s, want within [0, %s]", n, draw, got, timing.Cap)
		}
		if next := timing.Pause(max(n, 1)+1, draw); n >= 1 && n < math.MaxInt && next < got {
			t.Fatalf("Pause(%d, %v): got %s, want no less than the one before, %s", n+1, draw, next, got)
		}
	})
}

// TestPauseIsFullJitter: the pause is proportional to the draw, from nothing on,
// until it is the whole cap: the place in the round that was drawn is kept.
func TestPauseIsFullJitter(t *testing.T) {
	tests := []struct {
		n    int
		draw float64
		want time.Duration
	}{
		{1, 0, 0},
		{1, 0.5, 500 * time.Millisecond},
		{2, 0.5, time.Second},
		{11, 0.5, 512 * time.Second},
		{12, 0.5, timing.Cap / 2},
		{13, 0.5, timing.Cap},
		{13, 0, timing.Cap},
		{64, 0.5, timing.Cap},
		{65, 0.5, timing.Cap},
		{math.MaxInt, 0, timing.Cap},
	}
	for _, tt := range tests {
		if got := timing.Pause(tt.n, tt.draw); got != tt.want {
			t.Errorf("Pause(%d, %v): got %s, want %s", tt.n, tt.draw, got, tt.want)
		}
	}
}
