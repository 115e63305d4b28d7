package refresh

import (
	"context"
	"errors"
	"slices"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/timing"
	"regent/agent/tms"
	"regent/agent/token"
	"regent/agent/tokenstore"
)

// tryModes asks in the mode that has worked at the tenant. Where none has, a
// refusal leads to the other mode.
func (e *Engine) tryModes(ctx context.Context, s Service, r tokenstore.Record, older bool) (refreshAnswer, Verdict, error) {
	k, before := e.modeInput(r), r.Attempt
	r, err := e.beginAttempt(ctx, r, older)
	if err != nil {
		return refreshAnswer{}, localVerdict(err), err
	}
	for {
		a, err := e.send(ctx, s, r, k, older)
		if err == nil {
			e.setRefused(r.ID, nil)
			return a, Verdict{}, nil
		}
		f, ok := errors.AsType[*tms.Failure](err)
		v := Verdict{State: instance.Stale, Code: fault.Unavailable, AnswerMissing: true, Text: "the client failed"}
		switch {
		case ok && !k.Proven() && isRefusal(f):
			k.Refused = append(k.Refused, Refusal{k.Next(), f})
			if k.Next() != "" {
				e.countExtraRequest(r.ID.Tenant)
				continue
			}
			v, k.Refused = k.unprovenVerdict(e.evidence(r, before, older)), nil
		case ok:
			v = Classify(f, e.evidence(r, before, older))
		}
		v.SentPrevious = older
		e.setRefused(r.ID, k.Refused)
		return refreshAnswer{}, v, err
	}
}

// beginAttempt makes the attempt durable before anything is sent: a lost answer leaves
// evidence, whatever happens to this process.
func (e *Engine) beginAttempt(ctx context.Context, r tokenstore.Record, older bool) (tokenstore.Record, error) {
	r, err := e.Tokens.Update(ctx, r, func(r *tokenstore.Record) {
		if r.Attempt.Open {
			r.Attempt.Unanswered++ // the process died during the one before
		}
		r.Attempt.Open = true
		r.Attempt.PreviousTried = r.Attempt.PreviousTried || older
		r.Attempt.At = e.Clock.Wall()
	})
	if err == nil {
		e.Pauses.Device.Clear(timing.CauseStore)
	}
	return r, err
}

// send sends one refresh, with the refresh token in force or the older one.
func (e *Engine) send(ctx context.Context, s Service, r tokenstore.Record, k ModeInput, older bool) (refreshAnswer, error) {
	send, provider, mode := r.Refresh, r.Provider, k.Next()
	if older {
		send = r.PreviousRefresh
	}
	if k.Configured == ModeAuto {
		provider.ClientID = provider.ClientFor(send)
	}
	answer, err := s.Refresh(ctx, tms.RefreshRequest{
		Mode: mode, Provider: provider, AuthTokenID: r.AuthTokenID, Identifier: r.Identifier, Refresh: send, Registration: e.registration(r),
	})
	if err != nil {
		return refreshAnswer{}, err
	}
	return refreshAnswer{
		base: r, sent: send, mode: mode, token: answer,
		life: token.NewLifetime(e.Clock, answer.TTL), refreshLife: token.NewLifetime(e.Clock, answer.RefreshTTL),
		receivedAt: e.serviceTime(r.ID.Tenant),
	}, nil
}

// modeInput is what decides in which mode r is refreshed.
func (e *Engine) modeInput(r tokenstore.Record) ModeInput {
	k := ModeInput{Configured: e.Mode(), Working: e.Capabilities.Get(r.ID.Tenant).Refresh.Mode, NoTokenID: r.AuthTokenID == ""}
	if k.Working == "" {
		k.RefreshedBefore = slices.ContainsFunc(e.Tokens.List(), func(o tokenstore.Record) bool { return o.ID.Tenant == r.ID.Tenant && o.Generation > 1 })
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if k.Refused = slices.Clone(e.refused[r.ID]); k.Next() == "" {
		k.Refused = nil // refresh.mode was changed meanwhile
	}
	return k
}

// recordCapability keeps what an answer taught of its tenant: in which mode it refreshes. If
// that cannot be written, it holds for this process, and the next answer has it
// written.
func (e *Engine) recordCapability(ctx context.Context, tenant string, a refreshAnswer) {
	err := e.Capabilities.Update(ctx, tenant, func(l *tms.Capabilities) {
		l.NoteRefresh(a.mode, e.Clock.Wall())
		l.NoteReply(a.token.Form, e.Clock.Wall())
		if a.token.Echoed {
			l.Shows(a.base.Intent, e.Clock.Wall().UTC())
		}
	})
	if err != nil {
		e.Log.WarnContext(ctx, "cannot store the refresh mode of a tenant; regentd retries", "tenant", tenant, "mode", a.mode, "err", err)
	}
}

func (e *Engine) setRefused(id instance.ID, by []Refusal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(by) == 0 {
		delete(e.refused, id)
		return
	}
	e.refused[id] = by
}
