package audit

import (
	"context"
	"time"

	"regent/agent/fault"
)

// An event is told again after so long, and so many different ones are known.
const (
	tellEvery = time.Minute
	tellMost  = 256
)

// Told is an event for a system's log, where it stands beside others. It has what
// one would look for there; the whole is in the audit log.
type Told struct {
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

// Brief is a [Log] that passes all events on, and tells of each in brief: of the
// same event once a minute, with how often it came. What becomes of what it
// tells changes nothing about the record.
type Brief struct {
	next Log
	tell func(ctx context.Context, t Told, times int)
	seen *Suppressor[Told]
}

var _ Log = (*Brief)(nil)

// NewBrief returns a Brief before next. tell must not wait for anything.
func NewBrief(next Log, now func() time.Time, tell func(ctx context.Context, t Told, times int)) *Brief {
	return &Brief{next, tell, NewSuppressor[Told](tellEvery, tellMost, now)}
}

// Record implements [Log].
func (b *Brief) Record(ctx context.Context, e Event) error {
	err := b.next.Record(ctx, e)
	for _, late := range b.seen.Due() {
		b.tell(ctx, late.Key, late.Times)
	}
	t := toldOf(e)
	if times, say := b.seen.SayTimes(t, timesOf(e)); say {
		b.tell(ctx, t, times)
	}
	return err
}

// timesOf is how often an event came.
func timesOf(e Event) int {
	if a, ok := e.(Access); ok {
		return max(1, a.Times)
	}
	return 1
}

func toldOf(e Event) Told {
	switch e := e.(type) {
	case Access:
		return Told{
			Event: "access", Action: e.Action, Instance: e.Instance, UID: e.Caller.UID, User: e.Caller.User, Exe: e.Caller.Exe,
			Allow: e.Decision.Allow, Rule: e.Decision.Rule, Reason: e.Decision.Reason, Outcome: e.Outcome,
		}
	case Change:
		return Told{Event: "change", Instance: e.Instance.String(), From: string(e.From), To: string(e.To), Outcome: e.Cause}
	}
	return Told{Event: "[unexpected]"}
}
