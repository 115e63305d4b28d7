package audit

import (
	"context"
	"errors"
	"testing"
	"time"

	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/instance"
)

// countingLog is a log that keeps nothing but the number of its events.
type countingLog struct {
	n   int
	err error
}

func (k *countingLog) Record(context.Context, Event) error { k.n++; return k.err }

// Every event is recorded; the same is told once a minute, with a counter, and
// nothing that was left untold is lost.
func TestForwarder(t *testing.T) {
	now := at
	var told []Entry
	var times []int
	log := &countingLog{}
	b := NewForwarder(log, func() time.Time { return now }, func(_ context.Context, x Entry, n int) {
		told, times = append(told, x), append(times, n)
	})
	record := func(e Event) {
		t.Helper()
		if err := b.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	alice := Access{Caller: authz.Caller{UID: "1000", User: "alice", Exe: "/opt/cad"}, Action: "token", Instance: "cad/1", Decision: authz.Decision{Allow: true, Rule: "allow[0]"}}
	for n := range 600 { // ten a second
		alice.Caller.PID = n // another process of the same program says nothing new
		record(alice)
		now = now.Add(100 * time.Millisecond)
	}
	record(Change{Instance: instance.ID{Tenant: "h", Application: "cad", Number: 1}, From: instance.Live, To: instance.Stale, Cause: fault.Unavailable})
	if log.n != 601 || len(told) != 3 || times[0] != 1 || times[1] != 599 || told[1].User != "alice" || told[2].To != "stale" {
		t.Errorf("%d recorded; told %+v, times %v", log.n, told, times)
	}
}

// That a record failed is the caller's to know, and is told of all the same.
func TestForwarderReturnsErrors(t *testing.T) {
	full := errors.New("no space left on device")
	said := 0
	b := NewForwarder(&countingLog{err: full}, func() time.Time { return at }, func(context.Context, Entry, int) { said++ })
	if err := b.Record(t.Context(), Access{Action: "token"}); !errors.Is(err, full) || said != 1 {
		t.Errorf("Record = %v, told %d times", err, said)
	}
}
