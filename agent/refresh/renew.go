package refresh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/timing"
	"regent/agent/tms"
	"regent/agent/token"
	"regent/agent/tokenstore"
)

// answeredRefresh is the answer to a refresh that is not yet durable.
type answeredRefresh struct {
	seen   tokenstore.Record
	sent   token.Secret
	mode   string // in which it was sent
	answer tms.AuthToken
	life   token.Lifetime
	refr   token.Lifetime
	served time.Time // by the service's clock
}

// renew refreshes one auth token. The order is DESIGN.md's and is what keeps
// the newest refresh token whenever the power goes.
func (e *Engine) renew(ctx context.Context, id instance.ID) error {
	if err := e.catchUp(ctx, id); err != nil {
		return err
	}
	r, ok := e.Vault.Get(id)
	if !ok || !r.State.Refreshable() {
		return fault.E("refresh", kindOf(r.State), nil).On(id.String())
	}
	service, err := e.Service(r.Base)
	if err != nil {
		return e.failed(ctx, r, Verdict{Event: instance.RefreshFailed, Code: fault.Unavailable, NotBegun: true, Text: err.Error(), Cause: timing.CauseClient(r.Base)}, err)
	}
	e.Device.Works(timing.CauseClient(r.Base))
	a, v, err := e.tryModes(ctx, service, r, false)
	if err != nil && v.TryOlder {
		if r, ok = e.Vault.Get(id); !ok {
			return fault.E("refresh", fault.Unavailable, tokenstore.ErrGone).On(id.String())
		}
		e.alsoAsked(id.Tenant)
		a, v, err = e.tryModes(ctx, service, r, true)
	}
	if err != nil {
		return e.failed(ctx, r, v, err)
	}
	// 3. The new refresh token is durable, the one that was sent kept beside it.
	// 4. Only then the new access token can be handed out: the vault has it.
	return e.keep(ctx, id, a)
}

// catchUp writes what an earlier flight found out and could not write: an
// answer, or that there is nothing more to ask. Until that works nothing else is
// asked for the instance. It returns an error if there is nothing left to do.
func (e *Engine) catchUp(ctx context.Context, id instance.ID) error {
	e.mu.Lock()
	a, answered := e.unkept[id]
	v, judged := e.unsaid[id]
	e.mu.Unlock()
	switch {
	case answered:
		return cmp.Or(e.keep(ctx, id, a), errCaughtUp)
	case judged:
		r, ok := e.Vault.Get(id)
		if !ok {
			e.setUnsaid(id, nil)
			return nil
		}
		return e.failed(ctx, r, v, errors.New("the verdict on an earlier refresh had not been written"))
	}
	return nil
}

// errCaughtUp ends a flight that had only an earlier answer to write.
var errCaughtUp = errors.New("refresh: an earlier answer was written")

func (e *Engine) registration(r tokenstore.Record) token.Secret {
	if e.Registration == nil {
		return token.Secret{}
	}
	return e.Registration(r)
}

// localVerdict is for a failure of this device: nothing was asked.
func localVerdict(err error) Verdict {
	return Verdict{
		Event: instance.RefreshFailed, Code: fault.Unavailable, NotBegun: true, Cause: timing.CauseStore,
		Text: fmt.Sprintf("the store cannot be written: %v; it is tried again by itself", err),
	}
}

// evidence is what the answer to a refresh of r is to be read by. before are the
// attempts on record before this one.
func (e *Engine) evidence(r tokenstore.Record, before tokenstore.Attempt, older bool) Evidence {
	return Evidence{
		Before:        before,
		Refusals:      r.Refusals,
		SinceFirst:    e.serviceTime(r.ID.Tenant).Sub(r.Refusals.First),
		HasOlder:      !older && !r.Older.IsZero() && !r.Older.Equal(r.Refresh),
		RefreshLapsed: e.lapsed(r),
		Session:       r.Session,
		SaneClock:     e.Skew(r.ID.Tenant).Abs() < saneSkew,
	}
}

// serviceTime is the present by the service's own clock, as its last answer
// showed it. This device's may have been set by years, or never.
func (e *Engine) serviceTime(tenant string) time.Time { return e.Clock.Wall().Add(e.Skew(tenant)) }

// saneSkew is how far the clock may be off: beyond it Cloud LM discards signed
// calls (contract.md, D).
const saneSkew = 15 * time.Minute

// lapsed reports whether the refresh token is at the end of its known life, or past
// it, by the boot clock or by the service's own.
func (e *Engine) lapsed(r tokenstore.Record) bool {
	if r.RefreshLife.TTL <= 0 {
		return false
	}
	if !r.Served.IsZero() && e.serviceTime(r.ID.Tenant).Sub(r.Served) >= r.RefreshLife.TTL-endSlack {
		return true
	}
	left, known := r.RefreshLife.Remaining(e.Clock)
	return known && left <= endSlack && (r.Served.IsZero() || r.RefreshLife.BootID == e.Clock.BootID())
}

// keep makes an answer durable. Until that works it is held in memory, handed
// out to nobody, and tried again before anything else is asked.
func (e *Engine) keep(ctx context.Context, id instance.ID, a answeredRefresh) error {
	was := a.seen.State
	_, err := e.Vault.Update(ctx, a.seen, func(r *tokenstore.Record) {
		was = r.State
		e.adopt(r, a)
	})
	if errors.Is(err, tokenstore.ErrGone) {
		e.setUnkept(id, nil)
		return fault.E("refresh", fault.Unavailable, fmt.Errorf("an answer is discarded: %w", err)).On(id.String())
	}
	if err != nil {
		e.setUnkept(id, &a)
		e.pauseAfter(id, localVerdict(err), err)
		return fault.E("refresh", fault.Unavailable, err).On(id.String())
	}
	e.Device.Works(timing.CauseStore)
	e.setUnkept(id, nil)
	e.worked(id)
	e.learn(ctx, id.Tenant, a)
	if was != instance.Live {
		e.Changed(ctx, id, was, instance.Live, "")
	}
	e.Log.DebugContext(ctx, "refreshed", "instance", id.String(), "gen", a.seen.Generation+1)
	return nil
}

// adopt writes an answer into the record.
func (e *Engine) adopt(r *tokenstore.Record, a answeredRefresh) {
	if r.State != instance.Live {
		r.State, r.Since = instance.Live, e.Clock.Wall()
	}
	if left, _ := r.Life.Remaining(e.Clock); a.answer.Access.IsZero() || a.life.TTL <= 0 && left > 0 {
		r.Life = token.Received(e.Clock, left) // nothing better came: what is held is good to its own end
	} else {
		r.Access, r.Life = a.answer.Access, a.life
	}
	r.Draw = e.Draw()
	r.Generation++
	r.Session = session(*r, a)
	if a.refr.TTL > 0 || !a.answer.Refresh.IsZero() && !announced(*r, a) {
		r.RefreshLife, r.Served = a.refr, a.served
	}
	if !a.answer.Refresh.IsZero() && !a.answer.Refresh.Equal(a.sent) {
		r.Refresh, r.Older = a.answer.Refresh, a.sent
	} else {
		r.Refresh, r.Older = a.sent, token.Secret{}
	}
	if a.answer.Form != (tms.Form{}) {
		r.Form = a.answer.Form
	}
	r.Attempt, r.Refusals = tokenstore.Attempt{}, tokenstore.Refusals{}
}

// failed records a failed refresh. It overwrites no token.
func (e *Engine) failed(ctx context.Context, seen tokenstore.Record, v Verdict, cause error) error {
	if errors.Is(cause, tokenstore.ErrGone) {
		return fault.E("refresh", fault.Unavailable, cause).On(seen.ID.String())
	}
	was := seen.State
	now, err := e.Vault.Update(ctx, seen, func(r *tokenstore.Record) {
		was = r.State
		e.settle(r, v)
	})
	switch {
	case errors.Is(err, tokenstore.ErrGone):
		e.setUnsaid(seen.ID, nil)
		return fault.E("refresh", fault.Unavailable, err).On(seen.ID.String())
	case err != nil:
		e.Log.WarnContext(ctx, "what a refresh came to could not be recorded yet; it is tried again", "instance", seen.ID.String(), "err", err)
		e.setUnsaid(seen.ID, &v)
		now = seen
	default:
		e.setUnsaid(seen.ID, nil)
	}
	e.pauseAfter(seen.ID, v, cause)
	e.Log.WarnContext(ctx, "refresh failed", "instance", seen.ID.String(), "kind", string(v.Code), "err", cause)
	if now.State != was {
		e.Changed(ctx, seen.ID, was, now.State, v.Code)
	}
	return &fault.Fault{Op: "refresh", Kind: v.Code, ID: seen.ID.String(), Detail: v.Text, Retry: e.Paused(seen.ID), Err: cause}
}

// settle writes a verdict into the record.
func (e *Engine) settle(r *tokenstore.Record, v Verdict) {
	if !v.NotBegun {
		e.conclude(r, v)
	}
	event := v.Event
	if left, known := r.Life.Remaining(e.Clock); event == instance.RefreshFailed && (!known || left == 0) {
		event = instance.TokenLapsed
	}
	if next, ok := r.State.Next(event); ok && next != r.State {
		r.State, r.Since = next, e.Clock.Wall()
	}
}

// conclude closes the attempt on record, and keeps of it what the next answer is
// to be read by.
func (e *Engine) conclude(r *tokenstore.Record, v Verdict) {
	if r.Attempt.Open && v.Doubt {
		r.Attempt.Unanswered++
	}
	r.Attempt.Open = false
	if v.Unasked && v.Older {
		r.Attempt.OlderTried = false // nobody looked at it: it has its one try still
	}
	switch {
	case v.Refusal && r.Refusals.Count == 0:
		r.Refusals = tokenstore.Refusals{Count: 1, First: e.serviceTime(r.ID.Tenant)}
	case v.Refusal:
		r.Refusals.Count++
	case v.Code != fault.Unavailable:
	default:
		r.Refusals = tokenstore.Refusals{}
	}
}

func (e *Engine) setUnkept(id instance.ID, a *answeredRefresh) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a == nil {
		delete(e.unkept, id)
		return
	}
	e.unkept[id] = *a
}

func (e *Engine) setUnsaid(id instance.ID, v *Verdict) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if v == nil || v.Event == instance.RefreshFailed {
		delete(e.unsaid, id) // a failure that says nothing of the auth token may be forgotten
		return
	}
	e.unsaid[id] = *v
}

// Withdrawn reports whether the service has revoked the auth token of id, and
// the store could not take that yet: its access token is handed out no more.
func (e *Engine) Withdrawn(id instance.ID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.unsaid[id].Event == instance.AuthTokenRevoked
}

// Redeemed forgets what went wrong with id before: it has another auth token.
func (e *Engine) Redeemed(id instance.ID) {
	e.worked(id)
	e.setRefused(id, nil)
	e.setUnsaid(id, nil)
	e.setUnkept(id, nil)
	e.Kick()
}

// kindOf is what a state that cannot be refreshed means for a caller.
func kindOf(s instance.State) fault.Kind {
	switch s {
	case instance.Revoked:
		return fault.Revoked
	case instance.RefreshLost:
		return fault.RefreshLost
	case instance.RefreshExpired:
		return fault.RefreshExpired
	case instance.Uncertain:
		return fault.RedemptionUncertain
	default:
		return fault.NotRegistered
	}
}
