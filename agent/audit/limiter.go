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

// The limits on the lines of one user. A user may have burst lines at once, and perMinute
// lines a minute. Further requests are counted. Each kind of them is one line in
// flushInterval.
const (
	burst         = 60
	perMinute     = 6
	flushInterval = time.Minute

	maxRefusals = 8    // kinds of refusals of a user that are counted apart; further ones only by outcome
	maxHandouts = 64   // issued tokens counted by process; further ones by program, above twice that by instance and rule
	maxCounters = 4096 // kinds of a user: more than any policy has instances
	maxUsers    = 64   // users that are counted apart
	maxText     = 200  // bytes
)

// Several is the action of a line that counts requests of many kinds together.
const Several = "several"

// Limiter is a [Log] that no caller can fill. It counts the requests of a user beyond the
// limits, and writes one line with their number. No request is missing: the Times of all
// lines add up.
//
// The line of an issued token always has its user, instance and rule. Each action of an
// administrator has its own line. Run writes the counts within a minute, and Close writes
// the rest. A crash loses them. It is safe for concurrent use.
type Limiter struct {
	next    Log
	now     func() time.Time
	log     *slog.Logger
	pending chan struct{} // receives if there are counts

	mu    sync.Mutex
	users map[string]*userQuota // by user; "" is for users beyond maxUsers
}

var _ Log = (*Limiter)(nil)

// userQuota is the remaining quota of a user, and the counts.
type userQuota struct {
	credit  float64 // lines
	at      time.Time
	counted Counter[line, Access]
}

// kindOf returns the kind under which a request is counted. For an issued token it includes
// the process.
func kindOf(a Access) line {
	k := lineOf(a).kind()
	if a.Outcome == "" {
		k.PID = a.Caller.PID
	}
	return k
}

// wider returns the kind for a request if there is no space for its own kind. For an issued
// token it keeps the fields that policy bounds, for a refusal the outcome.
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

// NewLimiter returns a limiter before next. It logs if it cannot write its counts.
func NewLimiter(next Log, now func() time.Time, log *slog.Logger) *Limiter {
	return &Limiter{next: next, now: now, log: log, pending: make(chan struct{}, 1), users: map[string]*userQuota{}}
}

// Record implements [Log]. A counted event is not in the log yet. An event with Separate is
// never counted.
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

// byAdministrator reports whether a is an administrator's action, which has no limit.
func byAdministrator(a Access) bool {
	return a.Caller.Admin && a.Outcome == "" && a.Action != "token"
}

// count counts a request if its user's quota is used up. It reports whether it did.
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

// quotaOf returns the quota of a user. If there are many users, it first deletes the full
// quotas without counts.
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

// combined returns the fields that requests of many kinds have in common: the caller and
// the outcome.
func combined(a Access) Access {
	out := Access{At: a.At, Action: Several, Outcome: a.Outcome}
	out.Caller.UID, out.Caller.User = a.Caller.UID, a.Caller.User
	out.Decision.Allow, out.Decision.Reason = a.Decision.Allow, "requests of many kinds, counted together"
	return out
}

// Run writes the counts once a minute until ctx is done. Without counts it sleeps.
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
			f.log.WarnContext(ctx, "counted requests cannot be written to the audit log yet; regentd retries", "err", err)
		}
	}
}

// Close writes the counts. Call no Record after it.
func (f *Limiter) Close() error {
	return f.flush(context.Background()) //nolint:forbidigo // Close has no context
}

// flush writes the counts, the oldest first. It keeps a count that cannot be written.
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
			f.wake() // to retry
			return err
		}
		d.of.counted.Delete(d.Key)
	}
	return nil
}

// wake notifies Run of a count.
func (f *Limiter) wake() {
	select {
	case f.pending <- struct{}{}:
	default: // Run is notified already
	}
}

// clipAccess shortens the texts that a caller chooses: names of programs, units and
// instances.
func clipAccess(a Access) Access {
	a.Instance, a.Caller.Exe, a.Caller.Unit = clipText(a.Instance), clipText(a.Caller.Exe), clipText(a.Caller.Unit)
	return a
}

// clipText shortens a text to maxText bytes. It replaces characters that JSON would escape.
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

// Counter counts occurrences by key. With Max above 0 it has at most Max keys: a new key
// replaces the key with the oldest addition. The zero value is empty and unbounded. It is
// not safe for concurrent use.
type Counter[K comparable, V any] struct {
	Max    int
	counts map[K]*Count[K, V]
	added  uint64
}

// Count is the count of a key. Value belongs to the user of the counter.
type Count[K comparable, V any] struct {
	Key   K
	Times int
	Value V
	order uint64 // of its last addition
}

// Add adds n to the count of k. It returns the count, and the replaced one or nil.
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

// List returns all counts, the oldest addition first.
func (c *Counter[K, V]) List() []*Count[K, V] {
	return slices.SortedFunc(maps.Values(c.counts), func(a, b *Count[K, V]) int { return cmp.Compare(a.order, b.order) })
}

// Delete removes the count of k.
func (c *Counter[K, V]) Delete(k K) { delete(c.counts, k) }

// Len returns the number of keys.
func (c *Counter[K, V]) Len() int { return len(c.counts) }

// Has reports whether k is counted.
func (c *Counter[K, V]) Has(k K) bool { return c.counts[k] != nil }
