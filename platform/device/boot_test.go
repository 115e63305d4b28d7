package device

import (
	"testing"
	"time"
)

func TestBootClockRuns(t *testing.T) {
	clock, err := ReadClock()
	if err != nil {
		t.Fatal(err)
	}
	// Whatever the clock's resolution, it gets ahead of where it began.
	begin := clock.Boot()
	if begin <= 0 {
		t.Fatalf("got %s since boot, want more than 0", begin)
	}
	for last := begin; last < begin+50*time.Millisecond; {
		now := clock.Boot()
		if now < last {
			t.Fatalf("went back from %s to %s", last, now)
		}
		last = now
	}
}
