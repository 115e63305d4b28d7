package audit

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Forwarder is a [Log] that also writes each event in short form to the system's log:
// caller, action, rule and outcome. It writes the same event at most once a minute, with
// the number of times.
type Forwarder struct {
	next       Log
	log        *slog.Logger
	suppressor *Suppressor[line]
}

var _ Log = (*Forwarder)(nil)

// NewForwarder returns a forwarder before next. log must not block.
func NewForwarder(next Log, now func() time.Time, log *slog.Logger) *Forwarder {
	return &Forwarder{next, log, NewSuppressor[line](now)}
}

// Record implements [Log]. It returns the error of the next log.
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

// A repeated message passes once in suppressorInterval. A suppressor has at most
// maxSuppressed keys.
const (
	suppressorInterval = time.Minute
	maxSuppressed      = 256
)

// Suppressor lets a repeated message pass once a minute, with the number of times. It is
// safe for concurrent use.
type Suppressor[K comparable] struct {
	now func() time.Time

	mu        sync.Mutex
	messages  Counter[K, time.Time] // counts since the last pass; the value is its time
	lastSweep time.Time
	evicted   []Suppressed[K] // did not pass; at most as many as messages
}

// Suppressed is a message that did not pass.
type Suppressed[K comparable] struct {
	Key   K
	Times int
}

// NewSuppressor returns a suppressor of messages. Messages with equal keys are the same. It
// stores at most 256 keys. A new key replaces the oldest one, and the next
// [Suppressor.Due] returns that with its count.
func NewSuppressor[K comparable](now func() time.Time) *Suppressor[K] {
	return &Suppressor[K]{now: now, messages: Counter[K, time.Time]{Max: maxSuppressed}}
}

// Allow adds n occurrences of a message. It reports whether the message passes now, and the
// number of times since it last passed.
func (s *Suppressor[K]) Allow(k K, n int) (times int, pass bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, old := s.messages.Add(k, n)
	if old != nil && old.Times > 0 && len(s.evicted) < s.messages.Max {
		s.evicted = append(s.evicted, Suppressed[K]{old.Key, old.Times})
	}
	now := s.now()
	if since := now.Sub(m.Value); since >= 0 && since < suppressorInterval { // after a clock that was set back, it passes
		return 0, false
	}
	times, m.Times, m.Value = m.Times, 0, now
	return times, true
}

// Due returns the messages that did not pass and are over a minute old, or were replaced by
// others. They count as passed. It searches for old ones at most once a minute.
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
