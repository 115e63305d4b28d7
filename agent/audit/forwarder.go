package audit

import (
	"context"
	"log/slog"
	"time"
)

// Forwarder is a [Log] that also tells the system's log of each event in short: who,
// what, by which rule, with which outcome. It tells of the same event once a minute,
// with how often it came.
type Forwarder struct {
	next       Log
	log        *slog.Logger
	suppressor *Suppressor[line]
}

var _ Log = (*Forwarder)(nil)

// NewForwarder returns a forwarder before next. log must not wait for anything.
func NewForwarder(next Log, now func() time.Time, log *slog.Logger) *Forwarder {
	return &Forwarder{next, log, NewSuppressor[line](now)}
}

// Record implements [Log]. Its error is that of the log behind it.
func (f *Forwarder) Record(ctx context.Context, e Event) error {
	err := f.next.Record(ctx, e)
	for _, late := range f.suppressor.Due() {
		f.tell(ctx, late.Key, late.Times)
	}
	l := lineOf(e)
	times := max(1, l.Times)
	l.At, l.Since, l.Times, l.PID, l.Allow = time.Time{}, time.Time{}, 0, 0, nil // differ in what is the same event
	if times, pass := f.suppressor.Allow(l, times); pass {
		f.tell(ctx, l, times)
	}
	return err
}

func (f *Forwarder) tell(ctx context.Context, l line, times int) {
	caller := l.User
	if caller == "" && l.UID != "" {
		caller = "uid " + l.UID
	}
	var attrs []slog.Attr
	for _, a := range [...]struct{ key, value string }{
		{"event", l.Event},
		{"action", l.Action},
		{"instance", l.Instance},
		{"caller", caller},
		{"exe", l.Exe},
		{"rule", l.Rule},
		{"reason", l.Reason},
		{"from", l.From},
		{"to", l.To},
		{"kind", string(l.Outcome)},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.key, a.value))
		}
	}
	if times > 1 {
		attrs = append(attrs, slog.Int("times", times))
	}
	f.log.LogAttrs(ctx, slog.LevelInfo, "audit", attrs...)
}
