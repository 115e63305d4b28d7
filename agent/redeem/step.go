package redeem

import (
	"context"
	"slices"
	"time"

	"regent/agent/timing"
	"regent/agent/token"
)

// pass is the work of one step. A step looks at all targets only when something changed
// for all of them, and then redeems the ready ones in order. A look at all after each
// redemption would cost the square of their number.
type pass struct {
	all   bool                    // look at all targets, not only at the touched ones
	fresh bool                    // nothing was tried since the last look at all
	ready []Target                // by the last look at all, in the order of redemption
	tried map[token.Instance]bool // in this step: once each
	nap   time.Duration           // until an instance can be due
}

// tidyPause is the pause between the redemption of single instances and the next look at
// all targets, which also deletes registration tokens that no instance needs any more.
const tidyPause = time.Second

// step redeems the due instances, one after the other. It returns the time until the next
// one can be due. It reads the plan again for each, since the configuration may change.
// all is false if only single instances changed.
func (e *Engine) step(ctx context.Context, all bool) time.Duration {
	e.flush(context.WithoutCancel(ctx))
	p := &pass{all: all, tried: map[token.Instance]bool{}, nap: timing.PollInterval}
	for ctx.Err() == nil {
		plan := e.Plan()
		w, ok := e.next(plan, p)
		switch {
		case ok:
			p.tried[w.ID], p.fresh = true, false
			if !e.attempt(ctx, w) {
				p.all, p.ready = true, nil // the failure may concern others
			}
			continue
		case p.all:
			e.notifySettled(plan)
			nap := e.rest(plan, p.nap, e.deleteUnneeded(ctx, plan))
			e.lookAt = e.Clock.Boot() + nap
			return nap
		case len(p.tried) > 0:
			p.nap = min(p.nap, tidyPause)
		}
		e.lookAt = min(e.lookAt, e.Clock.Boot()+p.nap)
		return max(e.lookAt-e.Clock.Boot(), time.Millisecond)
	}
	return timing.PollInterval
}

// next returns the next due instance that was not tried in this step. Instances with a
// waiting person or caller come first, then the order of the plan.
func (e *Engine) next(plan Plan, p *pass) (Target, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for {
		for len(e.touched) > 0 {
			id := e.touched[0]
			e.touched = e.touched[1:]
			if w, declared := e.index.find(plan.Targets, id); declared && e.isReady(plan, p, w) {
				return w, true
			}
		}
		for len(p.ready) > 0 {
			w := p.ready[0]
			p.ready = p.ready[1:]
			if now, declared := e.index.find(plan.Targets, w.ID); declared && now == w && e.isReady(plan, p, w) {
				return w, true
			}
		}
		if !p.all || p.fresh {
			return Target{}, false
		}
		e.lookAtAll(plan, p)
	}
}

// lookAtAll finds the ready targets of the plan. The caller holds mu.
func (e *Engine) lookAtAll(plan Plan, p *pass) {
	var first, others []Target
	p.nap = timing.PollInterval
	for _, w := range plan.Targets {
		switch {
		case !e.isReady(plan, p, w):
		case e.demanded[w.ID] || e.accounts[w.ID].Requested: // a person or a caller waits for it
			first = append(first, w)
		default:
			others = append(others, w)
		}
	}
	p.ready, p.fresh = append(first, others...), true
}

// isReady reports whether w is due now and was not tried in this step. If not, it notes the
// wait. The caller holds mu.
func (e *Engine) isReady(plan Plan, p *pass, w Target) bool {
	wait, do := e.readiness(plan, w)
	if do && !p.tried[w.ID] {
		return true
	}
	p.nap = min(p.nap, wait)
	return false
}

// Check looks at one instance again, since its state changed. It does not block. Kick looks
// at all.
func (e *Engine) Check(id token.Instance) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.check(id)
}

// check is Check for a caller that holds mu.
func (e *Engine) check(id token.Instance) {
	e.touched = append(e.touched, id)
	e.wake.Kick()
	if !e.paused[id.Tenant] {
		return
	}
	if left, _ := e.Pauses.TenantLeft(id.Tenant); left == 0 {
		delete(e.paused, id.Tenant)
		e.Kick() // the pause has ended early
	}
}

// rest returns the time until the next possible action, from the waits of the redemptions.
// If every wanted instance has a valid, recorded auth token, Run sleeps until a change
// wakes it.
func (e *Engine) rest(plan Plan, wait time.Duration, deleted bool) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case len(e.unsaved) > 0 || len(e.unwrittenOutcomes) > 0 || len(e.unread) > 0 || e.Capabilities.HasUnsaved():
		wait = min(wait, timing.LocalPause)
	case deleted && !slices.ContainsFunc(plan.Targets, func(w Target) bool {
		r, held := e.Tokens.Get(w.ID)
		return !held || !r.State.Refreshable()
	}):
		return timing.IdleInterval
	}
	return max(wait, time.Millisecond)
}

// targetIndex finds the target of an instance. It has the first target of each scope: the
// instances of an application follow each other in a plan. The zero value is empty.
type targetIndex struct {
	of    []Target // the plan's
	first map[Scope]int
}

// find returns the target of id in a plan, if there is one.
func (x *targetIndex) find(targets []Target, id token.Instance) (Target, bool) {
	if len(targets) == 0 {
		return Target{}, false
	}
	if len(targets) != len(x.of) || &targets[0] != &x.of[0] {
		x.of, x.first = targets, map[Scope]int{}
		for i, w := range targets {
			if _, known := x.first[w.Scope()]; !known {
				x.first[w.Scope()] = i - w.ID.Number
			}
		}
	}
	begin, known := x.first[Scope{id.Tenant, id.Application}]
	if i := begin + id.Number; known && i >= 0 && i < len(targets) && targets[i].ID == id {
		return targets[i], true
	}
	if i := slices.IndexFunc(targets, func(w Target) bool { return w.ID == id }); known && i >= 0 {
		return targets[i], true // of a plan in another order
	}
	return Target{}, false
}
