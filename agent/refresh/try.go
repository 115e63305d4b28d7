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
func (e *Engine) tryModes(ctx context.Context, s Service, r tokenstore.Record, older bool) (answeredRefresh, Verdict, error) {
	k, before := e.known(r), r.Attempt
	r, err := e.begin(ctx, r, older)
	if err != nil {
		return answeredRefresh{}, localVerdict(err), err
	}
	for {
		a, err := e.ask(ctx, s, r, k, older)
		if err == nil {
			e.setRefused(r.ID, nil)
			return a, Verdict{}, nil
		}
		f, ok := errors.AsType[*tms.Failure](err)
		v := Verdict{Event: instance.RefreshFailed, Code: fault.Unavailable, Doubt: true, Text: "the client failed"}
		switch {
		case ok && !k.Proven() && refuses(f):
			k.Refused = append(k.Refused, Refusal{k.Next(), f})
			if k.Next() != "" {
				e.alsoAsked(r.ID.Tenant)
				continue
			}
			v, k.Refused = k.unproven(e.evidence(r, before, older)), nil
		case ok:
			v = Classify(f, e.evidence(r, before, older))
		}
		v.Older = older
		e.setRefused(r.ID, k.Refused)
		return answeredRefresh{}, v, err
	}
}

// begin makes the attempt durable before anything is sent: a lost answer leaves
// evidence, whatever happens to this process.
func (e *Engine) begin(ctx context.Context, r tokenstore.Record, older bool) (tokenstore.Record, error) {
	r, err := e.Vault.Update(ctx, r, func(r *tokenstore.Record) {
		if r.Attempt.Open {
			r.Attempt.Unanswered++ // the process died during the one before
		}
		r.Attempt.Open = true
		r.Attempt.OlderTried = r.Attempt.OlderTried || older
		r.Attempt.At = e.Clock.Wall()
	})
	if err == nil {
		e.Device.Works(timing.CauseStore)
	}
	return r, err
}

// ask sends one refresh, with the refresh token in force or the older one.
func (e *Engine) ask(ctx context.Context, s Service, r tokenstore.Record, k Known, older bool) (answeredRefresh, error) {
	send, provider, mode := r.Refresh, r.Provider, k.Next()
	if older {
		send = r.Older
	}
	if k.Configured == ModeAuto {
		provider.ClientID = provider.ClientFor(send)
	}
	answer, err := s.Refresh(ctx, tms.RefreshRequest{
		Mode: mode, Provider: provider, AuthTokenID: r.AuthTokenID, Identifier: r.Identifier, Refresh: send, Registration: e.registration(r),
	})
	if err != nil {
		return answeredRefresh{}, err
	}
	return answeredRefresh{
		seen: r, sent: send, mode: mode, answer: answer,
		life: token.Received(e.Clock, answer.TTL), refr: token.Received(e.Clock, answer.RefreshTTL),
		served: e.serviceTime(r.ID.Tenant),
	}, nil
}

// known is what decides in which mode r is refreshed.
func (e *Engine) known(r tokenstore.Record) Known {
	k := Known{Configured: e.Mode(), Taught: e.Learned.Of(r.ID.Tenant).Refresh.Mode, Nameless: r.AuthTokenID == ""}
	if k.Taught == "" {
		k.Before = slices.ContainsFunc(e.Vault.List(), func(o tokenstore.Record) bool { return o.ID.Tenant == r.ID.Tenant && o.Generation > 1 })
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if k.Refused = slices.Clone(e.refused[r.ID]); k.Next() == "" {
		k.Refused = nil // refresh.mode was changed meanwhile
	}
	return k
}

// learn keeps what an answer taught of its tenant: in which mode it refreshes. If
// that cannot be written, it holds for this process, and the next answer has it
// written.
func (e *Engine) learn(ctx context.Context, tenant string, a answeredRefresh) {
	err := e.Learned.Change(ctx, tenant, func(l *tms.Learned) {
		l.Refreshed(a.mode, e.Clock.Wall())
		l.Replied(a.answer.Form, e.Clock.Wall())
		if a.answer.Shown {
			l.Shows(a.seen.Intent, e.Clock.Wall().UTC())
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
