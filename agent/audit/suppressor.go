package audit

import (
	"sync"
	"time"
)

// Suppressor remembers what was said. It is safe for concurrent use.
type Suppressor[K comparable] struct {
	interval time.Duration
	most     int
	now      func() time.Time

	mu        sync.Mutex
	seen      map[K]*occurrence
	lastSweep time.Time
	evicted   []Suppressed[K] // that were forgotten untold; at most most
}

type occurrence struct {
	at    time.Time // when it was said last
	since int       // how often it came after that
}

// Suppressed is something that came and was not said.
type Suppressed[K comparable] struct {
	Key   K
	Times int
}

// NewSuppressor returns a filter that lets the same through once in every, and remembers
// at most most different ones: of more, the one that was said longest ago is
// forgotten, and is new when it comes again. What came of it meanwhile is due.
func NewSuppressor[K comparable](every time.Duration, most int, now func() time.Time) *Suppressor[K] {
	return &Suppressor[K]{interval: every, most: most, now: now, seen: map[K]*occurrence{}}
}

// Allow reports whether k is to be said now, and how often it came since it was
// said last: 1 if it is new.
func (f *Suppressor[K]) Allow(k K) (times int, say bool) { return f.AllowN(k, 1) }

// AllowN is Say for what came n times.
func (f *Suppressor[K]) AllowN(k K, n int) (times int, say bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	s, known := f.seen[k]
	if known && now.Sub(s.at) < f.interval && now.Sub(s.at) >= 0 { // a clock that was set back silences nothing
		s.since += n
		return 0, false
	}
	if !known {
		f.evictOldest()
		s = &occurrence{}
		f.seen[k] = s
	}
	times = s.since + n
	s.at, s.since = now, 0
	return times, true
}

// Due returns what came and was not said, and whose time is over or that had to
// be forgotten; it counts as said. For what is over it looks at most once in the
// filter's time.
func (f *Suppressor[K]) Due() []Suppressed[K] {
	f.mu.Lock()
	defer f.mu.Unlock()
	due := f.evicted
	f.evicted = nil
	now := f.now()
	if d := now.Sub(f.lastSweep); d >= 0 && d < f.interval {
		return due
	}
	f.lastSweep = now
	for k, s := range f.seen {
		if now.Sub(s.at) < f.interval {
			continue
		}
		if s.since > 0 {
			due = append(due, Suppressed[K]{k, s.since})
		}
		delete(f.seen, k)
	}
	return due
}

// evictOldest forgets what was said longest ago, if there is no room for another.
// Its number stays until somebody asks what is due; where nobody ever does, no
// more numbers are kept than there is room for.
func (f *Suppressor[K]) evictOldest() {
	if len(f.seen) < f.most {
		return
	}
	var oldest K
	var at time.Time
	for k, s := range f.seen {
		if at.IsZero() || s.at.Before(at) {
			oldest, at = k, s.at
		}
	}
	if n := f.seen[oldest].since; n > 0 && len(f.evicted) < f.most {
		f.evicted = append(f.evicted, Suppressed[K]{oldest, n})
	}
	delete(f.seen, oldest)
}
