package redeem

import (
	"context"

	"regent/agent/instance"
)

// waiter is one call of Settled. Engine.mu guards it.
type waiter struct {
	left int           // instances that are not settled yet
	done chan struct{} // closed when none is left
}

// WaitSettled waits until each of ids has settled once: nothing more happens to it by
// itself for now, since it has an auth token, was refused, waits for a person, or
// its last attempt failed. It waits for the few seconds until an uncertain
// redemption is tried again. It returns early when ctx is done.
//
// Waiting costs the redeemer nothing: it looks at an instance that somebody waits
// for once after each attempt, and at all of them before each nap.
func (e *Engine) WaitSettled(ctx context.Context, ids ...instance.ID) {
	w := e.addWaiter(ids)
	select {
	case <-ctx.Done():
		e.removeWaiter(w, ids)
	case <-w.done:
	}
}

// addWaiter begins to wait for those of ids that are declared and not settled.
func (e *Engine) addWaiter(ids []instance.ID) *waiter {
	among := make(map[instance.ID]bool, len(ids))
	for _, id := range ids {
		among[id] = true
	}
	plan := e.Plan()
	w := &waiter{done: make(chan struct{})}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, want := range plan.Targets {
		if !among[want.ID] || e.settled(plan, want) {
			continue
		}
		if e.waiters[want.ID] == nil {
			e.waiters[want.ID] = map[*waiter]bool{}
		}
		e.waiters[want.ID][w] = true
		w.left++
	}
	if w.left == 0 {
		close(w.done)
	}
	return w
}

// removeWaiter forgets a wait that its caller has given up.
func (e *Engine) removeWaiter(w *waiter, ids []instance.ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range ids {
		if delete(e.waiters[id], w); len(e.waiters[id]) == 0 {
			delete(e.waiters, id)
		}
	}
}

// beginAttempt says that w is being redeemed.
func (e *Engine) beginAttempt(w Target) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.redeeming = w.ID
}

// endAttempt says that an attempt of w has ended, and tells who waits for it.
func (e *Engine) endAttempt(w Target) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.redeeming = instance.ID{}
	if waits, ok := e.waiters[w.ID]; ok && e.settled(e.Plan(), w) {
		delete(e.waiters, w.ID)
		notify(waits)
	}
}

// notifySettled tells who waits for an instance that has settled otherwise than by
// an attempt of its own: its tenant asked for a pause, its registration token was
// refused, or the plan declares it no more.
func (e *Engine) notifySettled(plan Plan) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiters) == 0 {
		return
	}
	still := map[instance.ID]map[*waiter]bool{}
	for _, w := range plan.Targets {
		if waits, ok := e.waiters[w.ID]; ok && !e.settled(plan, w) {
			still[w.ID] = waits
		}
	}
	for id, waits := range e.waiters {
		if still[id] == nil {
			notify(waits)
		}
	}
	e.waiters = still
}

// notify says that an instance has settled. The caller holds mu.
func notify(waits map[*waiter]bool) {
	for w := range waits {
		if w.left--; w.left == 0 {
			close(w.done)
		}
	}
}

// settled reports whether w is settled. The caller holds mu.
func (e *Engine) settled(plan Plan, w Target) bool {
	if e.redeeming == w.ID {
		return false
	}
	held, ok := e.Registrations.ForScope(w.Scope())
	usable, s := ok && held.Refused == "", e.decisionInput(plan, w)
	switch {
	case usable && (s.autoRetries() || s.formUnproven && e.blockerRetries(plan, w.ID)):
		return false
	case e.Pauses.Left(w.ID) > 0:
		return true
	default:
		return !usable || !s.due()
	}
}

// blockerRetries reports whether id waits for a redemption that is tried again by
// itself. The caller holds mu.
func (e *Engine) blockerRetries(plan Plan, id instance.ID) bool {
	doubt, held := e.blocker(plan, id)
	other, err := doubt.InstanceID()
	return held && err == nil && e.autoRetries(other)
}
