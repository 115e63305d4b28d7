package agent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/lease"
	"regent/agent/token"
)

// A rotation reaches a thousand watchers within a second, and one who does not
// look keeps nobody waiting: it finds the newest of each instance.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		var watches []func(context.Context) ([]Event, error)
		for range 1000 {
			w, err := d.Watch(t.Context(), by, "cad")
			if err != nil {
				t.Fatal(err)
			}
			if events, err := w(t.Context()); err != nil || len(events) != 2 || events[0].Generation != 1 {
				t.Fatalf("at first: %+v, %v", events, err)
			}
			watches = append(watches, w)
		}
		slow, err := d.Watch(t.Context(), by, "cad")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Token(t.Context(), by, TokenRequest{Application: "cad", Instance: "1"}); err != nil {
			t.Fatal(err)
		}
		for generation := range uint64(2) {
			began := time.Now()
			if err := d.Invalidate(t.Context(), by, "cad", "1", 0); err != nil {
				t.Fatal(err)
			}
			for _, w := range watches {
				events, err := w(t.Context())
				if err != nil || len(events) != 1 || events[0].Generation != generation+2 || events[0].State != token.Live {
					t.Fatalf("after refresh %d: %+v, %v", generation+1, events, err)
				}
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("the last watcher knew after %v", took)
			}
			time.Sleep(61 * time.Second)
		}
		events, err := slow(t.Context())
		if err != nil || len(events) != 2 || events[0].Generation != 3 {
			t.Errorf("the slow one: %+v, %v; want the newest of both instances", events, err)
		}
	})
}

// A watch holds nothing once its context has ended, whether or not somebody ever
// looked, and what has changed is kept once for all watchers.
func TestWatchEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		ctx, cancel := context.WithCancel(t.Context())
		looked, err := d.Watch(ctx, by, "cad")
		if err != nil {
			t.Fatal(err)
		}
		key := feedKey{"demo-host.com", "cad"}
		var first *watcher
		for first = range d.hub.feeds[key].watchers {
		}
		for range 100 { // who hung up before the answer never looks
			if _, err := d.Watch(ctx, by, "cad"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := looked(ctx); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			d.hub.publish(token.Instance{Tenant: key.host, Application: "cad", Number: 1})
		}
		if n := len(d.hub.feeds[key].changes); n != 1 {
			t.Errorf("%d changes are kept of one instance", n)
		}
		cancel()
		synctest.Wait()
		if n := len(d.hub.feeds); n != 0 {
			t.Errorf("%d feeds are left: %+v", n, d.hub.feeds)
		}
		if events := first.take(); len(events) != 0 {
			t.Errorf("a watch that has ended tells %+v", events)
		}
	})
}

func TestWatchEndsWhenDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		stranger, _ := newCaller("mallory", 2)
		if _, err := d.Watch(t.Context(), stranger, "cad"); !errors.Is(err, fault.Denied) {
			t.Errorf("a stranger watches: %v", err)
		}
		by, p := newCaller("alice", 1)
		w, err := d.Watch(t.Context(), by, "cad")
		if err != nil {
			t.Fatal(err)
		}
		p.exit()
		if events, err := w(t.Context()); !errors.Is(err, fault.Denied) {
			t.Errorf("after its process ended: %v, %v", events, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with nothing new: %v", err)
		}
	})
}

// A thousand callers whose token Cloud LM refuses cause one refresh a minute.
func TestInvalidateOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		g, err := d.Token(t.Context(), by, TokenRequest{Application: "cad", Instance: "1"})
		if err != nil {
			t.Fatal(err)
		}
		outcomes := make(chan error)
		for range 1000 {
			go func() { outcomes <- d.Invalidate(t.Context(), by, "cad", "1", 0) }()
		}
		throttled := 0
		for range 1000 {
			if err := <-outcomes; errors.Is(err, fault.Throttled) {
				throttled++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if d.service.refreshed != 1 {
			t.Errorf("%d refreshes, want 1 (%d were throttled)", d.service.refreshed, throttled)
		}
		err = d.Invalidate(t.Context(), by, "cad", "1", 0)
		if f := fault.From(err); f.Kind != fault.Throttled || f.Retry <= 0 || f.Retry > time.Minute {
			t.Errorf("once more: %v, retry %v", err, f.Retry)
		}
		if err := d.Invalidate(t.Context(), by, "cad", "1", g.Generation); err != nil {
			t.Errorf("of a generation that is replaced already: %v", err)
		}
		other, _ := newCaller("alice", 2)
		if err := d.Invalidate(t.Context(), other, "cad", "1", 0); !errors.Is(err, fault.Denied) {
			t.Errorf("by who does not hold it: %v", err)
		}
		time.Sleep(time.Minute)
		if err := d.Invalidate(t.Context(), by, "cad", "1", 0); err != nil || d.service.refreshed != 2 {
			t.Errorf("a minute later: %v, %d refreshes", err, d.service.refreshed)
		}
	})
}

func TestExplainIsForAdministrators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		asked := false
		of := func(user string) func() (Caller, error) {
			return func() (Caller, error) { asked = true; c, _ := newCaller(user, 9); return c, nil }
		}
		by, _ := newCaller("alice", 1)
		if _, err := d.Explain(t.Context(), by, "cad", of("alice")); !errors.Is(err, fault.Denied) || asked {
			t.Errorf("alice: %v, looked %t", err, asked)
		}
		root := Caller{Caller: authz.Caller{UID: "0", Admin: true}, Process: &process{}}
		for user, want := range map[string]bool{"alice": true, "mallory": false} {
			e, err := d.Explain(t.Context(), root, "cad", of(user))
			if err != nil || e.Decision.Allow != want || e.Decision.Reason == "" || e.Caller.PID != 9 {
				t.Errorf("%s: %+v, %v; want allow %t", user, e, err, want)
			}
		}
		if _, err := d.Explain(t.Context(), root, "nope", of("alice")); !errors.Is(err, fault.UnknownApplication) {
			t.Errorf("unknown application: %v", err)
		}
	})
}

// A lease outlives the daemon if its process does.
func TestLeasesOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		processes := map[int]*process{}
		d.adopt = func(h lease.Holder) (lease.Process, error) { p := processes[h.PID]; return p, p.Alive() }
		d.start(t)
		callers := []Caller{}
		for pid := 1; pid <= 2; pid++ {
			c, p := newCaller("alice", pid)
			callers, processes[pid] = append(callers, c), p
			if _, err := d.Token(t.Context(), c, cadRequest); err != nil {
				t.Fatal(err)
			}
		}
		d.stop()
		processes[1].exit()
		d.boot(t)
		defer d.stop()
		if g, err := d.Token(t.Context(), callers[1], cadRequest); err != nil || g.Instance != "cad/2" {
			t.Errorf("the one that lives got %q, %v; want cad/2", g.Instance, err)
		}
		third, _ := newCaller("alice", 3)
		if g, err := d.Token(t.Context(), third, cadRequest); err != nil || g.Instance != "cad/1" {
			t.Errorf("a new one got %q, %v; want cad/1, whose holder has ended", g.Instance, err)
		}
		fourth, _ := newCaller("alice", 4)
		if _, err := d.Token(t.Context(), fourth, cadRequest); !errors.Is(err, fault.NoFreeInstance) {
			t.Errorf("a fourth: %v", err)
		}
	})
}

// A holder is the process, whatever its program or its user is called by now: an
// upgrade gives a running program's file another name.
func TestHolderByAnotherName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		g, err := d.Token(t.Context(), by, cadRequest)
		if err != nil {
			t.Fatal(err)
		}
		by.Exe += " (deleted)"
		if err := d.Invalidate(t.Context(), by, "cad", "1", g.Generation); err != nil {
			t.Errorf("Invalidate: %v", err)
		}
		st, err := d.Status(t.Context(), by)
		if err != nil || st.Applications[0].Instances[0].Holder == nil {
			t.Errorf("its own instance is shown as %+v, %v; want with its holder", st.Applications[0].Instances[0], err)
		}
	})
}
