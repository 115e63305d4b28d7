package audit

import (
	"context"
	"time"

	"regent/agent/fault"
)

// An event is told again after so long, and so many different ones are known.
const (
	repeatInterval = time.Minute
	maxEntries     = 256
)

// Entry is an event for a system's log, where it stands beside others. It has what
// one would look for there; the whole is in the audit log.
type Entry struct {
	Event    string // "access" or "change"
	Action   string
	Instance string
	UID      string
	User     string
	Exe      string
	Allow    bool
	Rule     string
	Reason   string
	From, To string
	Outcome  fault.Kind // "" is success
}

// Forwarder is a [Log] that passes all events on, and tells of each in brief: of the
// same event once a minute, with how often it came. What becomes of what it
// tells changes nothing about the record.
type Forwarder struct {
	next       Log
	forward    func(ctx context.Context, t Entry, times int)
	suppressor *Suppressor[Entry]
}

var _ Log = (*Forwarder)(nil)

// NewForwarder returns a Brief before next. tell must not wait for anything.
func NewForwarder(next Log, now func() time.Time, tell func(ctx context.Context, t Entry, times int)) *Forwarder {
	return &Forwarder{next, tell, NewSuppressor[Entry](repeatInterval, maxEntries, now)}
}

// Record implements [Log].
func (b *Forwarder) Record(ctx context.Context, e Event) error {
	err := b.next.Record(ctx, e)
	for _, late := range b.suppressor.Due() {
		b.forward(ctx, late.Key, late.Times)
	}
	t := entryOf(e)
	if times, say := b.suppressor.AllowN(t, countOf(e)); say {
		b.forward(ctx, t, times)
	}
	return err
}

// countOf is how often an event came.
func countOf(e Event) int {
	if a, ok := e.(Access); ok {
		return max(1, a.Times)
	}
	return 1
}

func entryOf(e Event) Entry {
	switch e := e.(type) {
	case Access:
		return Entry{
			Event: "access", Action: e.Action, Instance: e.Instance, UID: e.Caller.UID, User: e.Caller.User, Exe: e.Caller.Exe,
			Allow: e.Decision.Allow, Rule: e.Decision.Rule, Reason: e.Decision.Reason, Outcome: e.Outcome,
		}
	case Change:
		return Entry{Event: "change", Instance: e.Instance.String(), From: string(e.From), To: string(e.To), Outcome: e.Cause}
	}
	return Entry{Event: "[unexpected]"}
}
