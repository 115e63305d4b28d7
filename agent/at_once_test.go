package agent

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestAtOnce: what would wait is not answered, not recorded and leases nothing. The rest is
// answered as without AtOnce.
func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		q := cadRequest
		q.AtOnce = true
		wantNothing := func(when string, q TokenRequest) {
			t.Helper()
			events, refreshed := len(d.trail.events), d.service.refreshed
			if g, err := d.Token(t.Context(), by, q); !errors.Is(err, ErrNotAtOnce) || !g.Access.IsZero() {
				t.Errorf("%s: %v, want ErrNotAtOnce and nothing", when, err)
			}
			if len(d.trail.events) != events || d.service.refreshed != refreshed {
				t.Errorf("%s: %d more records, %d more refreshes", when, len(d.trail.events)-events, d.service.refreshed-refreshed)
			}
		}
		time.Sleep(20 * time.Minute)
		long := q
		long.MinTTL = 50 * time.Minute
		wantNothing("a longer lifetime", long)
		if n := len(d.leases.All()); n != 0 {
			t.Errorf("%d leases are left", n)
		}
		first, err := d.Token(t.Context(), by, q)
		if err != nil {
			t.Fatal(err)
		}
		second, err := d.Token(t.Context(), by, cadRequest)
		if err != nil || first != second {
			t.Errorf("at once %+v, else %+v, %v", first, second, err)
		}
		d.service.set(true)
		time.Sleep(2 * time.Hour)
		wantNothing("no valid token", q)
		stranger, _ := newCaller("mallory", 2)
		if _, err := d.Token(t.Context(), stranger, q); err == nil || errors.Is(err, ErrNotAtOnce) {
			t.Errorf("a stranger: %v, want a decision", err)
		}
	})
}
