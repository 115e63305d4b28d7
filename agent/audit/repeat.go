package audit

import (
	"sync"
	"time"
)

// Suppressor remembers what was said. It is safe for concurrent use.
type Suppressor[K comparable] struct {
	every time.Duration
	most  int
	now   func() time.Time

	mu    sync.Mutex
	said  map[K]*saying
	swept time.Time
	left  []Suppressed[K] // that were forgotten untold; at most most
}

type saying struct {
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
	return &Suppressor[K]{every: every, most: most, now: now, said: map[K]*saying{}}
}

// Say reports whether k is to be said now, and how often it came since it was
// said last: 1 if it is new.
func (f *Suppressor[K]) Say(k K) (times int, say bool) { return f.SayTimes(k, 1) }

// SayTimes is Say for what came n times.
func (f *Suppressor[K]) SayTimes(k K, n int) (times int, say bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	s, known := f.said[k]
	if known && now.Sub(s.at) < f.every && now.Sub(s.at) >= 0 { // a clock that was set back silences nothing
		s.since += n
		return 0, false
	}
	if !known {
		f.makeRoom()
		s = &saying{}
		f.said[k] = s
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
	due := f.left
	f.left = nil
	now := f.now()
	if d := now.Sub(f.swept); d >= 0 && d < f.every {
		return due
	}
	f.swept = now
	for k, s := range f.said {
		if now.Sub(s.at) < f.every {
			continue
		}
		if s.since > 0 {
			due = append(due, Suppressed[K]{k, s.since})
		}
		delete(f.said, k)
	}
	return due
}

// makeRoom forgets what was said longest ago, if there is no room for another.
// Its number stays until somebody asks what is due; where nobody ever does, no
// more numbers are kept than there is room for.
func (f *Suppressor[K]) makeRoom() {
	if len(f.said) < f.most {
		return
	}
	var oldest K
	var at time.Time
	for k, s := range f.said {
		if at.IsZero() || s.at.Before(at) {
			oldest, at = k, s.at
		}
	}
	if n := f.said[oldest].since; n > 0 && len(f.left) < f.most {
		f.left = append(f.left, Suppressed[K]{oldest, n})
	}
	delete(f.said, oldest)
}
