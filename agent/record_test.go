package agent

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/audit"
	"regent/agent/authz"
	"regent/agent/fault"
)

func TestDenials(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	asks := func(d *denials, user, application string, outcome fault.Kind, when time.Time) {
		d.record(audit.Access{
			At: when, Caller: authz.Caller{UID: "uid-" + user, User: user, Exe: "/bin/" + user, PID: 7},
			Instance: application, Decision: authz.Decision{Reason: "no rule"}, Outcome: outcome,
		})
	}
	d := newDenials()
	asks(d, "alice", "cad", fault.Denied, at)
	asks(d, "alice", "cad", fault.Denied, at.Add(time.Second))
	asks(d, "mallory", "cad", fault.Denied, at)
	asks(d, "bob", "cad", fault.NoFreeInstance, at) // the rules admit bob
	if got := d.since(at.Add(time.Minute), "uid-alice", false); len(got) != 1 || got[0].Times != 2 || got[0].User != "alice" || got[0].Reason != "no rule" {
		t.Errorf("alice sees %+v, want one of her own, twice", got)
	}
	if got := d.since(at.Add(time.Minute), "", true); len(got) != 2 {
		t.Errorf("an administrator sees %+v, want two", got)
	}
	if got := d.since(at.Add(2*time.Hour), "", true); got == nil || len(got) != 0 {
		t.Errorf("two hours later there is %+v, want an empty list", got)
	}
	asks(d, "alice", "cad/1", "", at.Add(2*time.Second)) // a rule was added
	if got := d.since(at.Add(time.Minute), "", true); len(got) != 1 || got[0].User != "mallory" {
		t.Errorf("after alice got a token there is %+v, want mallory's", got)
	}
	d.clear()
	for n := range 3 * maxDenials {
		asks(d, fmt.Sprint("user", n), "cad", fault.Denied, at)
	}
	if got := d.since(at, "", true); len(got) != maxDenials || got[0].User != fmt.Sprint("user", 2*maxDenials) {
		t.Errorf("%d are kept, the oldest of %s", len(got), got[0].User)
	}
}

// A caller that runs another program by now gives back, and has refreshed, nothing.
func TestChangedCallerIsDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		g, err := d.Token(t.Context(), by, cadRequest)
		if err != nil {
			t.Fatal(err)
		}
		by.Recheck = func() error { return errors.New("another program") }
		_, number, _ := strings.Cut(g.Instance, "/")
		_, watching := d.Watch(t.Context(), by, "cad")
		for what, err := range map[string]error{
			"release": d.Release(t.Context(), by, "cad", number), "invalidate": d.Invalidate(t.Context(), by, "cad", number, 0), "watch": watching,
		} {
			if fault.KindOf(err) != fault.Denied {
				t.Errorf("%s = %v, want denied", what, err)
			}
		}
		by.Recheck = nil
		if err := d.Release(t.Context(), by, "cad", number); err != nil {
			t.Errorf("the lease is gone: %v", err)
		}
	})
}
