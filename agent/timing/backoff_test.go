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

// TestBackoffBounds: the bound of the n-th pause doubles from a second to 25
// minutes. The largest draw shows it.
func TestBackoffBounds(t *testing.T) {
	want := time.Second
	for n := 1; n <= 12; n++ {
		got := timing.Backoff(n, almostOne)
		if got >= want || want-got > time.Microsecond {
			t.Errorf("Pause(%d) at most: got %s, want just below %s", n, got, want)
		}
		want = min(2*want, 25*time.Minute)
	}
}

// TestBackoffIsBounded: for any number of failures, even one that makes no
// sense or has overflowed, and any draw.
func TestBackoffIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(-3, 70), rapid.Int()).Draw(t, "n")
		draw := rapid.Float64Range(0, almostOne).Draw(t, "draw")
		got := timing.Backoff(n, draw)
		if got < 0 || got > timing.BackoffCap {
			t.Fatalf("Pause(%d, %v): got %s, want within [0, %s]", n, draw, got, timing.BackoffCap)
		}
		if next := timing.Backoff(max(n, 1)+1, draw); n >= 1 && n < math.MaxInt && next < got {
			t.Fatalf("Pause(%d, %v): got %s, want no less than the one before, %s", n+1, draw, next, got)
		}
	})
}

// TestBackoffHasFullJitter: the pause is proportional to the draw, from nothing on,
// until it is the whole cap: the place in the round that was drawn is kept.
func TestBackoffHasFullJitter(t *testing.T) {
	tests := []struct {
		n    int
		draw float64
		want time.Duration
	}{
		{1, 0, 0},
		{1, 0.5, 500 * time.Millisecond},
		{2, 0.5, time.Second},
		{11, 0.5, 512 * time.Second},
		{12, 0.5, timing.BackoffCap / 2},
		{13, 0.5, timing.BackoffCap},
		{13, 0, timing.BackoffCap},
		{64, 0.5, timing.BackoffCap},
		{65, 0.5, timing.BackoffCap},
		{math.MaxInt, 0, timing.BackoffCap},
	}
	for _, tt := range tests {
		if got := timing.Backoff(tt.n, tt.draw); got != tt.want {
			t.Errorf("Pause(%d, %v): got %s, want %s", tt.n, tt.draw, got, tt.want)
		}
	}
}
