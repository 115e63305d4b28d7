package audit

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Counter counts what comes repeatedly, by key. With Max above 0 it has at most Max
// keys: for another one, the key that came longest ago makes room. The zero value is
// empty and unbounded. It is not safe for concurrent use.
type Counter[K comparable, V any] struct {
	Max    int
	counts map[K]*Count[K, V]
	added  uint64
}

// Count is how often a key came. Value is the user's own.
type Count[K comparable, V any] struct {
	Key   K
	Times int
	Value V
	order uint64 // of its last addition
}

// Add counts that k came n times more. It returns the count, and the one that made
// room for it, or nil.
func (c *Counter[K, V]) Add(k K, n int) (count, evicted *Count[K, V]) {
	count, known := c.counts[k]
	if !known {
		evicted = c.evictOldest()
		if c.counts == nil {
			c.counts = map[K]*Count[K, V]{}
		}
		count = &Count[K, V]{Key: k}
		c.counts[k] = count
	}
	c.added++
	count.order = c.added
	count.Times += n
	return count, evicted
}

func (c *Counter[K, V]) evictOldest() *Count[K, V] {
	if c.Max == 0 || len(c.counts) < c.Max {
		return nil
	}
	var oldest *Count[K, V]
	for _, one := range c.counts {
		if oldest == nil || one.order < oldest.order {
			oldest = one
		}
	}
	c.Delete(oldest.Key)
	return oldest
}

// List returns all counts. The first is the one whose key came longest ago.
func (c *Counter[K, V]) List() []*Count[K, V] {
	return slices.SortedFunc(maps.Values(c.counts), func(a, b *Count[K, V]) int { return cmp.Compare(a.order, b.order) })
}

// Delete removes the count of k.
func (c *Counter[K, V]) Delete(k K) { delete(c.counts, k) }

// Len returns how many keys are counted.
func (c *Counter[K, V]) Len() int { return len(c.counts) }

// Has reports whether k is counted.
func (c *Counter[K, V]) Has(k K) bool { return c.counts[k] != nil }

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
