package redeem

import (
	"context"
	"errors"
	"fmt"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/tms"
	"regent/agent/token"
	"regent/agent/vault"
)

// boughtOnce is an auth token that was received and is not yet durable.
type boughtOnce struct {
	record vault.Record
	intent Entry
}

// attempt redeems w and records how that went.
func (e *Engine) attempt(ctx context.Context, plan Plan, w Want) {
	e.setBusy(w.ID)
	defer e.setBusy(instance.ID{})
	// A redemption that has begun is finished and recorded even if the daemon is
	// told to stop meanwhile; the client's own timeout bounds it.
	ctx = context.WithoutCancel(ctx)

	if b, ok := e.notKept(w.ID); ok {
		e.keep(ctx, w, b)
		return
	}
	held, ok := e.Registrations.For(w.Scope())
	if !ok {
		return
	}
	v, err := e.redeem(ctx, w, held)
	if err == nil {
		return
	}
	e.Log.WarnContext(ctx, "redemption failed", "instance", w.ID.String(), "kind", string(v.Code), "err", err)
	e.failed(ctx, w, held, v)
}

// redeem spends one count of held on w. The order is DESIGN.md's and is what
// makes the account right whenever the power goes.
func (e *Engine) redeem(ctx context.Context, w Want, held Held) (Verdict, error) {
	service, err := e.Service(w.Base)
	if err != nil {
		return local(err), err
	}
	provider, err := service.Discover(ctx) // spends nothing
	if err != nil {
		return beforeSending(err), err
	}
	// 1. The store is proven writable: what cannot be kept is not bought.
	if err := e.Probe(ctx); err != nil {
		return local(err), err
	}
	// 2. The intent is durable before anything is sent.
	request := e.Request(w.ID)
	request.Identifier = e.NewID()
	intent, err := e.intend(ctx, w, held, request)
	if err != nil {
		return local(err), err
	}
	// 3. One POST, with an identifier of its own, never repeated here.
	bought, err := service.Redeem(ctx, held.Token, request)
	if err != nil {
		return e.conclude(ctx, intent, err)
	}
	// 4. The auth token is durable, and names its intent.
	// 5. Only then the ledger says confirmed.
	e.keep(ctx, w, boughtOnce{e.record(w, held, provider, intent, bought), intent})
	return Verdict{}, nil
}

// intend writes the intent. A line that stands although it failed has sent
// nothing, and the ledger says so as soon as it can.
func (e *Engine) intend(ctx context.Context, w Want, held Held, r tms.Request) (Entry, error) {
	intent, err := e.append(ctx, Entry{
		Kind: Intent, ID: r.Identifier, Tenant: w.ID.Tenant, Instance: w.ID.String(),
		Identifier: r.Identifier, FQDN: r.FQDN, UserName: r.UserName, MAC: r.MAC,
		RefID1: r.RefID1, RefID2: r.RefID2, Registration: held.Fingerprint,
	})
	if err != nil && intent.Seq != 0 {
		_, again := e.append(ctx, outcome(intent, Unused))
		err = errors.Join(err, again)
	}
	return intent, err
}

// append adds to the ledger and keeps the accounts in step.
func (e *Engine) append(ctx context.Context, entry Entry) (Entry, error) {
	out, err := e.Ledger.Append(ctx, entry)
	if out.Seq != 0 {
		accounts := Fold(e.Ledger.Entries())
		e.mu.Lock()
		e.accounts = accounts
		e.broadcast()
		e.mu.Unlock()
	}
	return out, err
}

// conclude records why a POST gave no auth token.
func (e *Engine) conclude(ctx context.Context, intent Entry, cause error) (Verdict, error) {
	v := uncertainOf(cause)
	out := outcome(intent, v.Entry)
	out.Code, out.Words, out.Retryable = v.Code, v.Text, v.Paid
	if f, ok := errors.AsType[*tms.Failure](cause); ok {
		out.Status = f.Status
	}
	if _, err := e.append(ctx, out); err != nil {
		// The intent stays open, so the next start calls it uncertain: never less.
		return v, errors.Join(cause, err)
	}
	return v, cause
}

// uncertainOf classifies the failure of a POST. What is no evidence at all may
// have been sent.
func uncertainOf(err error) Verdict {
	if f, ok := errors.AsType[*tms.Failure](err); ok {
		return Classify(f)
	}
	return uncertain(&tms.Failure{Host: "the service"}, "the client failed")
}

// beforeSending is the verdict on a failed discovery: it costs nothing, so it
// is always tried again.
func beforeSending(err error) Verdict {
	v := Verdict{Entry: Unused, Code: fault.Unavailable, Retry: true}
	f, ok := errors.AsType[*tms.Failure](err)
	if !ok {
		v.Text = "the service's configuration cannot be used: " + err.Error()
		return v
	}
	v.After = f.RetryAfter
	v.Text = fmt.Sprintf("%v; no count was used; check the tenant, the network and the proxy; it is tried again by itself", f)
	return v
}

// local is the verdict on a failure of this device: nothing was sent.
func local(err error) Verdict {
	return Verdict{
		Entry: Unused, Code: fault.Unavailable, Retry: true,
		Text: fmt.Sprintf("nothing was sent, since this device is not ready to keep an auth token: %v; it is tried again by itself", err),
	}
}

// keep makes a bought auth token durable, then confirms it. Until that works it
// is held in memory, handed out to nobody, and tried again.
func (e *Engine) keep(ctx context.Context, w Want, b boughtOnce) {
	was := e.State(w.ID)
	err := e.Vault.Create(ctx, b.record)
	if err != nil {
		e.Log.ErrorContext(ctx, "a new auth token could not be stored yet; it is kept in memory and tried again", "instance", w.ID.String(), "err", err)
		e.mu.Lock()
		e.unkept[w.ID] = b
		e.pauseAfter(w, local(err))
		e.mu.Unlock()
		return
	}
	out := outcome(b.intent, Confirmed)
	out.AuthTokenID = b.record.AuthTokenID
	if _, err := e.append(ctx, out); err != nil {
		// The record names the intent, so the next start confirms it.
		e.Log.ErrorContext(ctx, "the ledger could not be written; the next start puts it right", "instance", w.ID.String(), "err", err)
	}
	e.mu.Lock()
	delete(e.unkept, w.ID)
	delete(e.pauses, w.ID)
	delete(e.asked, w.ID)
	delete(e.demanded, w.ID)
	e.broadcast()
	e.mu.Unlock()
	e.Changed(ctx, w.ID, was, instance.Live, "")
	e.Log.InfoContext(ctx, "redeemed: one count used", "instance", w.ID.String(), "identifier", b.record.Identifier)
}

// record makes the vault's record of a bought auth token.
func (e *Engine) record(w Want, held Held, p tms.Provider, intent Entry, t tms.AuthToken) vault.Record {
	old, _ := e.Vault.Get(w.ID)
	r := vault.Record{
		ID: w.ID, Base: w.Base, Intent: intent.ID, Registration: held.Fingerprint,
		AuthTokenID: t.ID, Identifier: intent.Identifier, Provider: p,
		State: instance.Live, Since: e.Clock.Wall(),
		Access: t.Access, Life: token.Received(e.Clock, t.TTL), Generation: old.Generation + 1, Draw: e.Draw(),
		Refresh: t.Refresh, RefreshLife: token.Received(e.Clock, t.RefreshTTL), Again: old.Again,
	}
	if old.State == instance.RefreshExpired {
		r.Again = e.Clock.Wall()
	}
	return r
}

// failed remembers a failed attempt, and what it says of the registration token.
func (e *Engine) failed(ctx context.Context, w Want, held Held, v Verdict) {
	if v.Entry == Refused {
		held.Refused, held.RefusedText, held.RefusedAt = v.Code, v.Text, e.Clock.Wall()
		if err := e.Registrations.Keep(ctx, held); err != nil {
			e.Log.WarnContext(ctx, "a refusal could not be recorded; it is asked again after a restart", "err", err)
		}
	}
	e.mu.Lock()
	if v.Entry != Unused {
		delete(e.asked, w.ID) // the person's decision is used up
	}
	e.pauseAfter(w, v)
	e.mu.Unlock()
	if v.Entry == Uncertain {
		e.Changed(ctx, w.ID, instance.Unredeemed, instance.Uncertain, v.Code)
	}
}

func (e *Engine) notKept(id instance.ID) (boughtOnce, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	b, ok := e.unkept[id]
	return b, ok
}

func (e *Engine) setBusy(id instance.ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy = id
	e.broadcast()
}
