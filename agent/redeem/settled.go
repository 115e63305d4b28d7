package redeem

import (
	"context"

	"regent/agent/instance"
)

// wait is one call of Settled. Engine.mu guards it.
type wait struct {
	left int           // instances that are not settled yet
	done chan struct{} // closed when none is left
}

// Settled waits until each of ids has settled once: nothing more happens to it by
// itself for now, since it has an auth token, was refused, waits for a person, or
// its last attempt failed. It waits for the few seconds until an uncertain
// redemption is tried again. It returns early when ctx is done.
//
// Waiting costs the redeemer nothing: it looks at an instance that somebody waits
// for once after each attempt, and at all of them before each nap.
func (e *Engine) Settled(ctx context.Context, ids ...instance.ID) {
	w := e.await(ids)
	select {
	case <-ctx.Done():
		e.leave(w, ids)
	case <-w.done:
	}
}

// await begins to wait for those of ids that are declared and not settled.
func (e *Engine) await(ids []instance.ID) *wait {
	among := make(map[instance.ID]bool, len(ids))
	for _, id := range ids {
		among[id] = true
	}
	plan := e.Plan()
	w := &wait{done: make(chan struct{})}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, want := range plan.Wants {
		if !among[want.ID] || e.quiet(plan, want) {
			continue
		}
		if e.waiting[want.ID] == nil {
			e.waiting[want.ID] = map[*wait]bool{}
		}
		e.waiting[want.ID][w] = true
		w.left++
	}
	if w.left == 0 {
		close(w.done)
	}
	return w
}

// leave forgets a wait that its caller has given up.
func (e *Engine) leave(w *wait, ids []instance.ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range ids {
		if delete(e.waiting[id], w); len(e.waiting[id]) == 0 {
			delete(e.waiting, id)
		}
	}
}

// begin says that w is being redeemed.
func (e *Engine) begin(w Want) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy = w.ID
}

// end says that an attempt of w has ended, and tells who waits for it.
func (e *Engine) end(w Want) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy = instance.ID{}
	if waits, ok := e.waiting[w.ID]; ok && e.quiet(e.Plan(), w) {
		delete(e.waiting, w.ID)
		tell(waits)
	}
}

// tellSettled tells who waits for an instance that has settled otherwise than by
// an attempt of its own: its tenant asked for a pause, its registration token was
// refused, or the plan declares it no more.
func (e *Engine) tellSettled(plan Plan) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) == 0 {
		return
	}
	still := map[instance.ID]map[*wait]bool{}
	for _, w := range plan.Wants {
		if waits, ok := e.waiting[w.ID]; ok && !e.quiet(plan, w) {
			still[w.ID] = waits
		}
	}
	for id, waits := range e.waiting {
		if still[id] == nil {
			tell(waits)
		}
	}
	e.waiting = still
}

// tell says that an instance has settled. The caller holds mu.
func tell(waits map[*wait]bool) {
	for w := range waits {
		if w.left--; w.left == 0 {
			close(w.done)
		}
	}
}

// quiet reports whether w is settled. The caller holds mu.
func (e *Engine) quiet(plan Plan, w Want) bool {
	if e.busy == w.ID {
		return false
	}
	held, ok := e.Registrations.For(w.Scope())
	usable, s := ok && held.Refused == "", e.situation(plan, w)
	now := e.Clock.Boot()
	switch {
	case usable && (s.goesOn() || s.waits && e.holderGoesOn(plan, w.ID)):
		return false
	case max(e.until(w.ID, now), e.tenants[w.ID.Tenant].until) > now || e.held(w.ID.Tenant) > 0:
		return true
	default:
		return !usable || !s.due()
	}
}

// holderGoesOn reports whether id waits for a redemption that is tried again by
// itself. The caller holds mu.
func (e *Engine) holderGoesOn(plan Plan, id instance.ID) bool {
	doubt, held := e.holder(plan, id)
	other, err := doubt.instance()
	return held && err == nil && e.goesOn(other)
}
