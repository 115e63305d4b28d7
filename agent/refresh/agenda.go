package refresh

import (
	"container/heap"
	"time"

	"regent/agent/timing"
	"regent/agent/token"
	"regent/agent/tokenstore"
)

// agenda has the time of the next look at each auth token, in a heap for each tenant. A
// step then costs the same for any number of instances. The time is a hint: the record, the
// clock and the pauses decide at that time. The mutex of the engine protects it.
type agenda struct {
	tenants map[string]*dueHeap
	next    map[token.Instance]time.Duration // boot time of the valid entry; older ones are ignored
	paused  map[string]bool                  // tenants with a pause when an entry was made
	allAt   time.Duration                    // boot time of the next look at all
}

// appointment is a look at an auth token at a boot time.
type appointment struct {
	at time.Duration
	id token.Instance
}

// dueHeap is a [heap.Interface] with the earliest appointment first.
type dueHeap []appointment

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].id.Compare(h[j].id) < 0
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements [heap.Interface].
func (h *dueHeap) Push(x any) { *h = append(*h, x.(appointment)) } //nolint:forcetypeassert // only add calls it

// Pop implements [heap.Interface].
func (h *dueHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// add sets the next look at id.
func (a *agenda) add(id token.Instance, at time.Duration) {
	h := a.tenants[id.Tenant]
	if h == nil {
		h = &dueHeap{}
		a.tenants[id.Tenant] = h
	}
	a.next[id] = at
	heap.Push(h, appointment{at, id})
}

// first returns the next valid appointment of a tenant.
func (a *agenda) first(h *dueHeap) (appointment, bool) {
	for len(*h) > 0 {
		if one := (*h)[0]; a.next[one.id] == one.at {
			return one, true
		}
		heap.Pop(h)
	}
	return appointment{}, false
}

// step queues the due refreshes. It returns the time until the next one can be due. all
// says that the times of all auth tokens may have changed.
func (e *Engine) step(all bool) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := e.Clock.Boot(); all || now >= e.due.allAt {
		e.due = agenda{tenants: map[string]*dueHeap{}, next: map[token.Instance]time.Duration{}, paused: map[string]bool{}, allAt: now + e.maxSleep()}
		for r := range e.Tokens.All() {
			e.schedule(r)
		}
	}
	nap := e.due.allAt - e.Clock.Boot()
	for tenant, h := range e.due.tenants {
		nap = min(nap, e.queueDue(tenant, h))
	}
	return max(0, nap)
}

// queueDue queues the due refreshes of a tenant, as far as it has slots. It returns the time
// until the next look.
func (e *Engine) queueDue(tenant string, h *dueHeap) time.Duration {
	for e.counts[tenant].flying < flightsAtOnce {
		one, ok := e.due.first(h)
		if !ok {
			return timing.IdleInterval
		}
		if left := one.at - e.Clock.Boot(); left > 0 {
			return left
		}
		heap.Pop(h)
		delete(e.due.next, one.id)
		r, held := e.Tokens.Get(one.id)
		if _, flying := e.flights[one.id]; flying || !held {
			continue // the end of the flight schedules it again
		}
		if wait := e.NextDue(r); r.State.Refreshable() && wait == 0 {
			e.add(one.id)
		} else {
			e.schedule(r)
		}
	}
	return timing.IdleInterval // the end of a flight wakes Run
}

// schedule sets the time of the next look at r. The caller holds mu.
func (e *Engine) schedule(r tokenstore.Record) {
	if !r.State.Refreshable() {
		return
	}
	left := e.Pauses.Left(r.ID)
	e.due.add(r.ID, e.Clock.Boot()+max(0, e.untilDue(r), left))
	if left == 0 {
		return
	}
	if left, _ := e.Pauses.TenantLeft(r.ID.Tenant); left > 0 {
		e.due.paused[r.ID.Tenant] = true
	}
}

// Check looks at one auth token again, since its state changed. It does not block. Kick
// looks at all.
func (e *Engine) Check(id token.Instance) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.check(id)
}

// check is Check for a caller that holds mu.
func (e *Engine) check(id token.Instance) {
	if r, held := e.Tokens.Get(id); held && e.due.next != nil {
		e.schedule(r)
	}
	if e.due.paused[id.Tenant] {
		if left, _ := e.Pauses.TenantLeft(id.Tenant); left == 0 {
			e.due.allAt = 0 // the pause has ended early
		}
	}
	e.wake.Kick()
}
