package audit

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// How much of the log one user can fill. A user may have burst lines at once and
// perMinute for ever; what is beyond that is counted, and each kind of it is one
// line once in flushInterval.
const (
	burst         = 60
	perMinute     = 6
	flushInterval = time.Minute

	maxRefusals = 8    // of one user's refusals that are counted apart; the others are counted by their outcome
	maxHandouts = 64   // of hand-outs by process; the others by program, and at twice as many by instance and rule
	maxCounters = 4096 // of all kinds of one user: more than policy has instances for anybody
	maxUsers    = 64   // users who are counted apart
	maxText     = 200  // bytes
)

// Several is the action of a line that counts what is of too many kinds to be
// counted apart.
const Several = "several"

// Limiter is a [Log] that no caller can fill: requests beyond what a user may have
// in lines of their own are counted, and one line says how many there were.
// No request is left out: the times of all lines add up. A hand-out is never
// counted without its user, its instance and its rule, and what an administrator
// did has a line of its own. What was counted is written by Run within a minute,
// and by Close; a crash loses it. It is safe for concurrent use.
type Limiter struct {
	next    Log
	now     func() time.Time
	log     *slog.Logger
	pending chan struct{} // receives when something is counted

	mu    sync.Mutex
	users map[string]*userQuota // by user; "" has those for whom there is no room
}

var _ Log = (*Limiter)(nil)

// userQuota is what one user has caused.
type userQuota struct {
	credit  float64 // lines
	at      time.Time
	counted Counter[line, Access]
}

// kindOf returns the kind under which a request is counted. For a hand-out it includes the
// process.
func kindOf(a Access) line {
	k := lineOf(a).kind()
	if a.Outcome == "" {
		k.PID = a.Caller.PID
	}
	return k
}

// wider is the kind as which a request is counted where there is no room for its
// own: of a hand-out what policy bounds stays, of a refusal its outcome.
func wider(k line, known int) line {
	switch {
	case known >= maxCounters || k.Outcome != "":
		return line{Action: Several, Outcome: k.Outcome}
	case known >= 2*maxHandouts:
		k.Exe = ""
	}
	k.PID = 0
	return k
}

// NewLimiter returns a limiter before next. It logs when it cannot write what it
// counted.
func NewLimiter(next Log, now func() time.Time, log *slog.Logger) *Limiter {
	return &Limiter{next: next, now: now, log: log, pending: make(chan struct{}, 1), users: map[string]*userQuota{}}
}

// Record implements [Log]. An event that is counted is not in the log yet; one
// with Separate never is.
func (f *Limiter) Record(ctx context.Context, e Event) error {
	a, ok := e.(Access)
	if !ok {
		return f.next.Record(ctx, e)
	}
	a = clipAccess(a)
	if !a.Separate && !byAdministrator(a) && f.count(a) {
		return nil
	}
	return f.next.Record(ctx, a)
}

// byAdministrator reports whether a is what an administrator did, whom no limit
// keeps from anything.
func byAdministrator(a Access) bool {
	return a.Caller.Admin && a.Outcome == "" && a.Action != "token"
}

// count counts a request that may have no line of its own.
func (f *Limiter) count(a Access) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.quotaOf(a.Caller.UID)
	now := f.now()
	t.credit = min(burst, t.credit+max(0, now.Sub(t.at).Minutes())*perMinute)
	t.at = now
	if t.credit >= 1 {
		t.credit--
		return false
	}
	t.add(a)
	f.wake()
	return true
}

// quotaOf returns the quota of a user. It forgets those that are full and have
// nothing counted.
func (f *Limiter) quotaOf(uid string) *userQuota {
	if t, ok := f.users[uid]; ok {
		return t
	}
	if len(f.users) >= maxUsers {
		full := burst * time.Minute / perMinute
		for id, t := range f.users {
			if t.counted.Len() == 0 && f.now().Sub(t.at) >= full {
				delete(f.users, id)
			}
		}
	}
	if len(f.users) >= maxUsers {
		uid = ""
	}
	t, ok := f.users[uid]
	if !ok {
		t = &userQuota{credit: burst, at: f.now()}
		f.users[uid] = t
	}
	return t
}

func (t *userQuota) add(a Access) {
	k := kindOf(a)
	most := maxRefusals
	if a.Outcome == "" {
		most = maxHandouts
	}
	if n := t.counted.Len(); n >= most && !t.counted.Has(k) {
		k = wider(k, n)
	}
	if k.Action == Several {
		a = combined(a)
	}
	count, _ := t.counted.Add(k, 1)
	sum := &count.Value
	if count.Times == 1 {
		*sum = a
		sum.Since = a.At
	}
	if sum.Caller.UID != a.Caller.UID {
		sum.Caller.UID, sum.Caller.User = "", "" // several users share the quota
	}
	if sum.Caller.Exe != a.Caller.Exe {
		sum.Caller.Exe = ""
	}
	sum.At, sum.Caller.PID, sum.Times = a.At, a.Caller.PID, count.Times
}

// combined is what requests of many kinds have in common: who asked, and what
// came of it.
func combined(a Access) Access {
	out := Access{At: a.At, Action: Several, Outcome: a.Outcome}
	out.Caller.UID, out.Caller.User = a.Caller.UID, a.Caller.User
	out.Decision.Allow, out.Decision.Reason = a.Decision.Allow, "requests of many kinds, counted together"
	return out
}

// Run writes what was counted, once in a minute, until ctx is done. While
// nothing is counted it sleeps.
func (f *Limiter) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.pending:
		}
		select {
		case <-ctx.Done():
			return nil // Close writes it
		case <-time.After(flushInterval):
		}
		if err := f.flush(ctx); err != nil {
			f.log.WarnContext(ctx, "requests that were counted could not be recorded in the audit log yet", "err", err)
		}
	}
}

// Close writes what was counted. No event may come afterwards.
func (f *Limiter) Close() error {
	return f.flush(context.Background()) //nolint:forbidigo // what closes is given none
}

// flush writes what was counted, the oldest first. What cannot be written stays
// counted.
func (f *Limiter) flush(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	type due struct {
		of *userQuota
		*Count[line, Access]
	}
	var all []due
	for _, t := range f.users {
		for _, c := range t.counted.List() {
			all = append(all, due{t, c})
		}
	}
	slices.SortFunc(all, func(a, b due) int { return a.Value.At.Compare(b.Value.At) })
	for _, d := range all {
		if err := f.next.Record(ctx, d.Value); err != nil {
			f.wake() // to try again
			return err
		}
		d.of.counted.Delete(d.Key)
	}
	return nil
}

// wake lets Run know that something is counted.
func (f *Limiter) wake() {
	select {
	case f.pending <- struct{}{}:
	default: // it knows
	}
}

// clipAccess bounds what a caller chooses: the name of a program, or of something
// that is not there.
func clipAccess(a Access) Access {
	a.Instance, a.Caller.Exe, a.Caller.Unit = clipText(a.Instance), clipText(a.Caller.Exe), clipText(a.Caller.Unit)
	return a
}

// clipText also takes out what would be written with several characters for one.
func clipText(s string) string {
	cut := ""
	if len(s) > maxText {
		s, cut = strings.ToValidUTF8(s[:maxText], ""), "…"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s) + cut
}

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
