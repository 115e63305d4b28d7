package audit

import (
	"context"
	"log/slog"
	"sync"
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
	if times, pass := f.suppressor.Allow(l.kind(), times); pass {
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

// A message is repeated once in this time, and so many different ones are known.
const (
	suppressorInterval = time.Minute
	maxSuppressed      = 256
)

// Suppressor passes a message on once a minute, with how often it came. It is safe for
// concurrent use.
type Suppressor[K comparable] struct {
	now func() time.Time

	mu        sync.Mutex
	messages  Counter[K, time.Time] // since they were passed on, which was then
	lastSweep time.Time
	evicted   []Suppressed[K] // were not passed on; at most as many as messages
}

// Suppressed is a message that was not passed on.
type Suppressed[K comparable] struct {
	Key   K
	Times int
}

// NewSuppressor returns a suppressor of messages that are the same if their keys are.
// It remembers at most 256 keys. The oldest makes room for another one, and is [Due]
// with what came of it.
func NewSuppressor[K comparable](now func() time.Time) *Suppressor[K] {
	return &Suppressor[K]{now: now, messages: Counter[K, time.Time]{Max: maxSuppressed}}
}

// Allow reports whether a message that came n times is passed on now, and how often
// it came since it was passed on last.
func (s *Suppressor[K]) Allow(k K, n int) (times int, pass bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, old := s.messages.Add(k, n)
	if old != nil && old.Times > 0 && len(s.evicted) < s.messages.Max {
		s.evicted = append(s.evicted, Suppressed[K]{old.Key, old.Times})
	}
	now := s.now()
	if since := now.Sub(m.Value); since >= 0 && since < suppressorInterval { // a clock that was set back silences nothing
		return 0, false
	}
	times, m.Times, m.Value = m.Times, 0, now
	return times, true
}

// Due returns the messages that were not passed on, and whose minute is over or that
// made room for others. It counts as passing them on. It looks for the former at most
// once a minute.
func (s *Suppressor[K]) Due() []Suppressed[K] {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := s.evicted
	s.evicted = nil
	now := s.now()
	if d := now.Sub(s.lastSweep); d >= 0 && d < suppressorInterval {
		return due
	}
	s.lastSweep = now
	for _, m := range s.messages.List() {
		if now.Sub(m.Value) < suppressorInterval {
			continue
		}
		if m.Times > 0 {
			due = append(due, Suppressed[K]{m.Key, m.Times})
		}
		s.messages.Delete(m.Key)
	}
	return due
}
