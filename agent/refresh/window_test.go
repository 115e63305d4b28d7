package refresh

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"regent/agent/tokenstore"
)

func TestDue(t *testing.T) {
	life := func(d time.Duration) tokenstore.Lifetime { return tokenstore.Lifetime{TTL: d} }
	for _, tt := range []struct {
		name string
		r    tokenstore.Record
		want time.Duration
	}{
		{"earliest", tokenstore.Record{AccessLife: life(time.Hour)}, 36 * time.Minute},
		{"latest", tokenstore.Record{AccessLife: life(time.Hour), Jitter: 1}, 45 * time.Minute},
		{"a refresh token that lives longer", tokenstore.Record{AccessLife: life(time.Hour), RefreshLife: life(24 * time.Hour)}, 36 * time.Minute},
		{"a refresh token that lives shorter", tokenstore.Record{AccessLife: life(time.Hour), RefreshLife: life(10 * time.Minute)}, 6 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := DueAge(tt.r); got != tt.want {
				t.Errorf("Due = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestDueIsWithinItsWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ttl := time.Duration(rapid.Int64Range(int64(time.Second), int64(1000*time.Hour)).Draw(t, "ttl"))
		r := tokenstore.Record{AccessLife: tokenstore.Lifetime{TTL: ttl}, Jitter: rapid.Float64Range(0, 1).Draw(t, "draw")}
		got := DueAge(r)
		if got < ttl*59/100 || got > ttl*76/100 {
			t.Fatalf("Due(%v, draw %v) = %v", ttl, r.Jitter, got)
		}
		if again := DueAge(r); again != got {
			t.Fatalf("asked twice: %v, then %v", got, again)
		}
	})
}
