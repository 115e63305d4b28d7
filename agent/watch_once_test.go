package agent

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/policy"
	"regent/agent/token"
	"regent/agent/tokenstore"
)

// reader collects the events of a watch, as a client does that reads at once.
type reader struct {
	mu     sync.Mutex
	events []Event
}

// startReader begins a watch of cad and reads it until the test ends.
func startReader(t *testing.T, d *device, by Caller) *reader {
	t.Helper()
	next, err := d.Watch(t.Context(), by, "cad")
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{}
	go func() {
		for {
			events, err := next(t.Context())
			if err != nil {
				return
			}
			r.mu.Lock()
			r.events = append(r.events, events...)
			r.mu.Unlock()
		}
	}()
	return r
}

// of returns the events of an instance so far.
func (r *reader) of(number int) []Event {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.events), func(e Event) bool { return e.Instance.Number != number })
}

// set changes the stored record of cad/1.
func (d *device) set(t *testing.T, change func(*tokenstore.Record)) {
	t.Helper()
	r, _ := d.tokens.Get(token.Instance{Tenant: "demo-host.com", Application: "cad", Number: 1})
	change(&r)
	if err := d.tokens.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// A refresh stores its attempt before the request, and its result after it. Only the new
// token is an event, for each of many watchers.
func TestWatchTellsARefreshOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		d.service.onRefresh = func() { time.Sleep(time.Second) }
		by, _ := newCaller("alice", 1)
		if _, err := d.Token(t.Context(), by, TokenRequest{Application: "cad", Instance: "1"}); err != nil {
			t.Fatal(err)
		}
		var readers []*reader
		for range 50 {
			readers = append(readers, startReader(t, d, by))
		}
		for range 3 {
			synctest.Wait()
			if err := d.Invalidate(t.Context(), by, "cad", "1", 0); err != nil {
				t.Fatal(err)
			}
			time.Sleep(61 * time.Second)
		}
		for n, r := range readers {
			if got := generations(r.of(1)); !slices.Equal(got, []uint64{1, 2, 3, 4}) {
				t.Fatalf("reader %d got the generations %v, want each once", n, got)
			}
			if got := generations(r.of(2)); !slices.Equal(got, []uint64{1}) {
				t.Fatalf("reader %d got the generations %v of an instance without a change", n, got)
			}
		}
	})
}

func generations(events []Event) (out []uint64) {
	for _, e := range events {
		out = append(out, e.Generation)
	}
	return out
}

// A change and its reverse are two events. A record that is stored again is none.
func TestWatchTellsAChangeBackAndForth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		r := startReader(t, d, by)
		for _, state := range []token.State{token.Live, token.Stale, token.Stale, token.Live, token.Live} {
			synctest.Wait()
			d.set(t, func(r *tokenstore.Record) { r.State = state })
		}
		var got []token.State
		for _, e := range r.of(1) {
			got = append(got, e.State)
		}
		if want := []token.State{token.Live, token.Stale, token.Live}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// Another auth token is an event, also if its state and generation are those that the
// watcher knows: it was deleted and redeemed again while the watcher did not read.
func TestWatchTellsAnotherAuthToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		next, err := d.Watch(t.Context(), by, "cad")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := next(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.set(t, func(r *tokenstore.Record) { r.Intent = "regent-again" })
		if events, err := next(t.Context()); err != nil || len(events) != 1 || events[0].Generation != 1 {
			t.Errorf("got %+v, %v", events, err)
		}
	})
}

// A watch follows the number of instances. An added and a removed instance each send an
// event. A removed one sends no others.
func TestWatchFollowsTheSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := registeredDevice(t)
		defer d.stop()
		by, _ := newCaller("alice", 1)
		r := startReader(t, d, by)
		synctest.Wait()
		resize := func(instances int) {
			s := d.Settings()
			s.Applications = slices.Clone(s.Applications)
			for i := range s.Applications {
				if s.Applications[i].ID == "cad" {
					s.Applications[i].Instances = instances
				}
			}
			d.Apply(s, nil)
		}
		before := len(r.of(1)) + len(r.of(2))
		resize(3)
		if got := generations(r.of(3)); !slices.Equal(got, []uint64{0, 1}) {
			t.Errorf("the new instance sent the generations %v, want that it waits, then its token", got)
		}
		resize(2)
		if got := r.of(3); len(got) != 3 || got[2].State != token.Removed || got[2].Generation != 0 {
			t.Errorf("the removed instance sent %+v, want that it is removed last", got)
		}
		resize(3)
		if got := r.of(3); len(got) != 4 || got[3].State != token.Live || got[3].Generation != 1 {
			t.Errorf("the instance that came back sent %+v, want its state last", got)
		}
		if got := len(r.of(1)) + len(r.of(2)); got != before {
			t.Errorf("%d events of unchanged instances, want %d", got, before)
		}
		resize(1)
		d.set(t, func(r *tokenstore.Record) { r.ID.Number = 2; r.State = token.Stale })
		if got := r.of(2); len(got) != 2 || got[1].State != token.Removed {
			t.Errorf("the removed instance sent %+v, want its first event and its end", got)
		}
		s := d.Settings()
		s.Applications = slices.DeleteFunc(slices.Clone(s.Applications), func(a policy.Application) bool { return a.ID == "cad" })
		d.Apply(s, nil)
		if got := r.of(1); len(got) == 0 || got[len(got)-1].State != token.Removed {
			t.Errorf("the removed application sent %+v, want its end", got)
		}
	})
}
