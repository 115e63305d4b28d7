package refresh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"regent/agent/fault"
	"regent/agent/timing"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// refreshAnswer is the answer to a refresh that is not yet durable.
type refreshAnswer struct {
	base        tokenstore.Record
	sent        token.Secret
	mode        string // of the request
	token       tms.AuthToken
	life        tokenstore.Lifetime
	refreshLife tokenstore.Lifetime
	receivedAt  time.Time // by the service's clock
}

// renew refreshes one auth token. The order of its steps keeps the newest refresh token in a
// power failure: see agent/DESIGN.md.
func (e *Engine) renew(ctx context.Context, id token.Instance) error {
	if err := e.savePending(ctx, id); err != nil {
		return err
	}
	r, ok := e.Tokens.Get(id)
	if !ok || !r.State.Refreshable() {
		return fault.New("refresh", KindOfState(r.State), nil).WithInstance(id.String())
	}
	service, err := e.Service(r.BaseURL)
	if err != nil {
		return e.saveFailure(ctx, r, Verdict{State: token.Stale, Code: fault.Unavailable, NotRecorded: true, Text: err.Error(), Cause: timing.CauseClient(r.BaseURL)}, err)
	}
	e.Pauses.Device.Clear(timing.CauseClient(r.BaseURL))
	a, v, err := e.tryModes(ctx, service, r, false)
	if err != nil && v.TryPrevious {
		if r, ok = e.Tokens.Get(id); !ok {
			return fault.New("refresh", fault.Unavailable, tokenstore.ErrConflict).WithInstance(id.String())
		}
		e.countExtraRequest(id.Tenant)
		a, v, err = e.tryModes(ctx, service, r, true)
	}
	if err != nil {
		return e.saveFailure(ctx, r, v, err)
	}
	// 3. Store the new refresh token, and the sent one as the previous.
	// 4. Only then the store has the new access token, which can be issued.
	return e.saveAnswer(ctx, id, a)
}

// savePending retries to write the answer or the final verdict of an earlier flight. Until
// that works, no request is sent for the instance. It returns an error if the flight has
// nothing more to do.
func (e *Engine) savePending(ctx context.Context, id token.Instance) error {
	switch p := e.pendingOf(id); {
	case p.answer != nil:
		return cmp.Or(e.saveAnswer(ctx, id, *p.answer), errOnlySaved)
	case p.verdict != nil:
		r, ok := e.Tokens.Get(id)
		if !ok {
			e.updatePending(id, func(p *pending) { p.verdict = nil })
			return nil
		}
		return e.saveFailure(ctx, r, *p.verdict, errors.New("the verdict on an earlier refresh was not written"))
	}
	return nil
}

// errOnlySaved ends a flight that only wrote an earlier answer.
var errOnlySaved = errors.New("refresh: an earlier answer was written")

func (e *Engine) registration(r tokenstore.Record) token.Secret {
	if e.Registration == nil {
		return token.Secret{}
	}
	return e.Registration(r)
}

// localVerdict is the verdict on a failure of this device: no request was sent.
func localVerdict(err error) Verdict {
	return Verdict{
		State: token.Stale, Code: fault.Unavailable, NotRecorded: true, Cause: timing.CauseStore,
		Text: fmt.Sprintf("the store cannot be written: %v. Regent retries", err),
	}
}

// evidence collects the facts to classify the answer to a refresh of r. before has the
// recorded attempts before this one.
func (e *Engine) evidence(r tokenstore.Record, before tokenstore.Attempt, older bool) Evidence {
	return Evidence{
		Before:              before,
		Refusals:            r.Refusals,
		SinceFirst:          e.ServiceTime(r.ID.Tenant).Sub(r.Refusals.First),
		HasPrevious:         !older && !r.PreviousRefresh.IsZero() && !r.PreviousRefresh.Equal(r.Refresh),
		RefreshTokenExpired: e.refreshTokenExpired(r),
		SessionLimit:        r.SessionLimit,
		SaneClock:           e.Skew(r.ID.Tenant).Abs() < maxSkew,
	}
}

// maxSkew is the largest tolerated difference of the clocks. With a larger one, Cloud LM
// discards signed calls, as the vendor documents.
const maxSkew = 15 * time.Minute

// refreshTokenExpired reports whether the refresh token has reached the end of its known
// lifetime, by the boot clock or by the service's clock.
func (e *Engine) refreshTokenExpired(r tokenstore.Record) bool {
	if r.RefreshLife.TTL <= 0 {
		return false
	}
	if !r.RefreshIssuedAt.IsZero() && e.ServiceTime(r.ID.Tenant).Sub(r.RefreshIssuedAt) >= r.RefreshLife.TTL-expiryTolerance {
		return true
	}
	left, known := r.RefreshLife.Remaining(e.Clock)
	return known && left <= expiryTolerance && (r.RefreshIssuedAt.IsZero() || r.RefreshLife.BootID == e.Clock.BootID())
}

// saveAnswer stores an answer durably. If that fails, the engine keeps the answer in memory
// and does not issue its access token. The next flight retries before any request.
func (e *Engine) saveAnswer(ctx context.Context, id token.Instance, a refreshAnswer) error {
	was := a.base.State
	_, err := e.Tokens.Update(ctx, a.base, func(r *tokenstore.Record) {
		was = r.State
		e.applyAnswer(r, a)
	})
	e.updatePending(id, func(p *pending) {
		p.answer = nil
		if err != nil && !errors.Is(err, tokenstore.ErrConflict) {
			p.answer = &a
		}
	})
	if errors.Is(err, tokenstore.ErrConflict) {
		return fault.New("refresh", fault.Unavailable, fmt.Errorf("an answer is discarded: %w", err)).WithInstance(id.String())
	}
	if err != nil {
		e.Pauses.Fail(id, localVerdict(err).failure())
		return fault.New("refresh", fault.Unavailable, err).WithInstance(id.String())
	}
	e.Pauses.Device.Clear(timing.CauseStore)
	e.Pauses.Clear(id)
	e.Learn(ctx, id.Tenant, func(l *tms.Capabilities) {
		l.NoteRefresh(a.mode, e.Clock.Wall())
		l.NoteReply(a.token.Form, e.Clock.Wall())
		if a.token.Echoed {
			l.Shows(a.base.Intent, e.Clock.Wall().UTC())
		}
	})
	if was != token.Live {
		e.Changed(ctx, id, was, token.Live, "")
	}
	e.Log.DebugContext(ctx, "refreshed", "instance", id.String(), "gen", a.base.Generation+1)
	return nil
}

// applyAnswer writes an answer into the record.
func (e *Engine) applyAnswer(r *tokenstore.Record, a refreshAnswer) {
	e.setState(r, token.Live)
	if left, _ := r.AccessLife.Remaining(e.Clock); a.token.Access.IsZero() || a.life.TTL <= 0 && left > 0 {
		r.AccessLife = tokenstore.NewLifetime(e.Clock, left) // no better token came: the stored one is valid until its end
	} else {
		r.Access, r.AccessLife = a.token.Access, a.life
	}
	r.Jitter = e.Random()
	r.Generation++
	r.SessionLimit = sessionLimit(*r, a)
	if a.refreshLife.TTL > 0 || !a.token.Refresh.IsZero() && !atAnnouncedEnd(*r, a) {
		r.RefreshLife, r.RefreshIssuedAt = a.refreshLife, a.receivedAt
	}
	if !a.token.Refresh.IsZero() && !a.token.Refresh.Equal(a.sent) {
		r.Refresh, r.PreviousRefresh = a.token.Refresh, a.sent
	} else {
		r.Refresh, r.PreviousRefresh = a.sent, token.Secret{}
	}
	if a.token.Form != (tms.Form{}) {
		r.ReplyForm = a.token.Form
	}
	r.Attempt, r.Refusals = tokenstore.Attempt{}, tokenstore.Refusals{}
}

// saveFailure records a failed refresh. It overwrites no token.
func (e *Engine) saveFailure(ctx context.Context, seen tokenstore.Record, v Verdict, cause error) error {
	if errors.Is(cause, tokenstore.ErrConflict) {
		return fault.New("refresh", fault.Unavailable, cause).WithInstance(seen.ID.String())
	}
	was := seen.State
	now, err := e.Tokens.Update(ctx, seen, func(r *tokenstore.Record) {
		was = r.State
		e.applyVerdict(r, v)
	})
	e.updatePending(seen.ID, func(p *pending) {
		p.verdict = nil
		if err != nil && !errors.Is(err, tokenstore.ErrConflict) && v.State != token.Stale {
			p.verdict = &v // any other failure is no loss: the next refresh finds it again
		}
	})
	if errors.Is(err, tokenstore.ErrConflict) {
		return fault.New("refresh", fault.Unavailable, err).WithInstance(seen.ID.String())
	}
	if err != nil {
		e.Log.WarnContext(ctx, "the result of a refresh cannot be stored yet; regentd retries", "instance", seen.ID.String(), "err", err)
		now = seen
		if v.State == token.Revoked {
			e.Tokens.Withhold(seen)
		}
	}
	e.Pauses.Fail(seen.ID, v.failure())
	e.Log.WarnContext(ctx, "refresh failed", "instance", seen.ID.String(), "kind", string(v.Code), "err", cause)
	if now.State != was {
		e.Changed(ctx, seen.ID, was, now.State, v.Code)
	}
	return &fault.Fault{Op: "refresh", Kind: v.Code, Instance: seen.ID.String(), Detail: v.Text, Retry: e.Pauses.Left(seen.ID), Err: cause}
}

// applyVerdict writes a verdict into the record.
func (e *Engine) applyVerdict(r *tokenstore.Record, v Verdict) {
	if !v.NotRecorded {
		e.closeAttempt(r, v)
	}
	found := v.State
	if left, known := r.AccessLife.Remaining(e.Clock); found == token.Stale && (!known || left == 0) {
		found = token.Expired
	}
	e.setState(r, found)
}

// setState writes the state after a refresh into the record.
func (e *Engine) setState(r *tokenstore.Record, found token.State) {
	if next := r.State.Next(found); next != r.State {
		r.State, r.Since = next, e.Clock.Wall()
	}
}

// closeAttempt closes the recorded attempt. It keeps the evidence for the next answer.
func (e *Engine) closeAttempt(r *tokenstore.Record, v Verdict) {
	if r.Attempt.Open && v.AnswerMissing {
		r.Attempt.Unanswered++
	}
	r.Attempt.Open = false
	if v.NotEvaluated && v.SentPrevious {
		r.Attempt.PreviousTried = false // the service did not read it, so one try is left
	}
	switch {
	case v.Refusal && r.Refusals.Count == 0:
		r.Refusals = tokenstore.Refusals{Count: 1, First: e.ServiceTime(r.ID.Tenant)}
	case v.Refusal:
		r.Refusals.Count++
	case v.Code != fault.Unavailable:
	default:
		r.Refusals = tokenstore.Refusals{}
	}
}

// pending is the state of an instance that is not in its record.
type pending struct {
	answer  *refreshAnswer // not yet durable
	verdict *Verdict       // the auth token has ended; not yet durable
	refused []Refusal      // modes that refused, while another mode is still to try
}

func (e *Engine) pendingOf(id token.Instance) pending {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pending[id]
}

func (e *Engine) updatePending(id token.Instance, change func(*pending)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.pending[id]
	change(&p)
	e.pending[id] = p
}

// Redeemed clears the failures of id, since it has a new auth token.
func (e *Engine) Redeemed(id token.Instance) {
	e.Pauses.Clear(id)
	e.updatePending(id, func(p *pending) { *p = pending{} })
	e.Check(id)
}

// KindOfState returns the fault of a state that cannot be refreshed.
func KindOfState(s token.State) fault.Kind {
	switch s {
	case token.Revoked, token.RefreshLost, token.RefreshExpired:
		return fault.Kind(s) // state and kind are the same word
	case token.Uncertain:
		return fault.RedemptionUncertain
	default:
		return fault.NotRegistered
	}
}
