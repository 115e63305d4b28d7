package redeem

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"regent/agent/backoff"
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
	was    instance.State // before it was bought
}

// errStopping ends an attempt that had spent nothing when the daemon was told
// to stop.
var errStopping = errors.New("redeem: the daemon stops")

// errMoot ends an attempt that had spent nothing when it was wanted no more.
var errMoot = errors.New("redeem: it is wanted no more")

// attempt redeems w and records how that went.
func (e *Engine) attempt(ctx context.Context, w Want) {
	e.begin(w)
	defer e.end(w)
	held, ok := e.Registrations.For(w.Scope())
	if !ok {
		return
	}
	was := e.State(w.ID)
	v, err := e.redeem(ctx, w, held, was)
	if err == nil {
		return
	}
	if errors.Is(err, errStopping) || errors.Is(err, errMoot) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	e.Log.WarnContext(ctx, "redemption failed", "instance", w.ID.String(), "kind", string(v.Code), "err", err)
	e.failed(ctx, w.ID, held, v, err)
	if now := e.State(w.ID); now != was {
		e.Changed(ctx, w.ID, was, now, v.Code)
	}
}

// redeem spends one count of held on w. The order is DESIGN.md's and is what
// makes the account right whenever the power goes.
func (e *Engine) redeem(ctx context.Context, w Want, held Held, was instance.State) (Verdict, error) {
	// What failed on this device is looked at before the service is asked anything.
	if e.Device.Why(backoff.Store) != nil {
		if err := e.Probe(ctx); err != nil {
			return local(err), err
		}
		e.Device.Works(backoff.Store)
	}
	service, err := e.Service(w.Base)
	if err != nil {
		v := beforeSending(err)
		v.Cause = backoff.Client(w.Base)
		return v, err
	}
	e.Device.Works(backoff.Client(w.Base))
	provider, err := service.Discover(ctx) // spends nothing
	if err != nil && ctx.Err() != nil {
		return Verdict{}, errStopping
	}
	if err != nil {
		return beforeSending(err), err
	}
	// 1. The store is proven writable: what cannot be kept is not bought.
	if err := e.Probe(ctx); err != nil {
		return local(err), err
	}
	// From here on a redemption is finished and recorded, even if the daemon is
	// told to stop meanwhile; the client's own timeout bounds it. Up to here
	// nothing was spent, and a daemon that stops begins no more.
	if ctx.Err() != nil {
		return Verdict{}, errStopping
	}
	ctx = context.WithoutCancel(ctx)
	// Looking for the service took its time, and told the time by its clock.
	if !e.stillDue(w, held) {
		return Verdict{}, errMoot
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
	e.keep(ctx, boughtOnce{e.bought(w, held, provider, intent, bought), intent, was})
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
		out := outcome(intent, Unused)
		out.Code, out.Words = fault.Unavailable, local(err).Text
		err = errors.Join(err, e.record(ctx, out))
	}
	return intent, err
}

// record writes an outcome, or owes it to the ledger.
func (e *Engine) record(ctx context.Context, out Entry) error {
	written, err := e.append(ctx, out)
	if err != nil && written.Seq == 0 {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.owed = append(e.owed, out)
	}
	return err
}

// settle writes what could not be written when it happened: auth tokens first.
func (e *Engine) settle(ctx context.Context) {
	e.mu.Lock()
	bought := slices.Collect(maps.Values(e.unkept))
	owed := e.owed
	e.owed = nil
	e.mu.Unlock()
	for _, b := range bought {
		e.keep(ctx, b)
	}
	for _, out := range owed {
		if err := e.record(ctx, out); err != nil {
			e.Log.WarnContext(ctx, "the ledger could not be written; it is tried again", "instance", out.Instance, "err", err)
		}
	}
}

// append adds to the ledger and keeps the accounts in step.
func (e *Engine) append(ctx context.Context, entry Entry) (Entry, error) {
	out, err := e.Ledger.Append(ctx, entry)
	if out.Seq != 0 {
		e.mu.Lock()
		e.catchUp()
		e.mu.Unlock()
	}
	return out, err
}

// catchUp takes the lines that are new into the accounts, in their order: another
// one may have been written meanwhile. All of them anew for each line would be a
// million for a thousand instances. The caller holds mu.
func (e *Engine) catchUp() {
	for _, one := range e.Ledger.since(e.folded) {
		e.folded = one.Seq
		if id, err := one.instance(); err == nil {
			e.accounts[id] = e.accounts[id].next(one)
		}
	}
}

// conclude records why a POST gave no auth token.
func (e *Engine) conclude(ctx context.Context, intent Entry, cause error) (Verdict, error) {
	v := uncertainOf(cause)
	if v.Entry == Uncertain {
		v.Text += decideOn(intent.ID)
	}
	out := outcome(intent, v.Entry)
	out.Code, out.Retryable = v.Code, v.Paid
	out.Words = strings.ReplaceAll(v.Text, fault.AnInstance, intent.Instance)
	if f, ok := errors.AsType[*tms.Failure](cause); ok {
		out.Status = f.Status
	}
	// If that fails the intent stays open, and should the process end before it
	// is settled, the next start calls it uncertain: never less.
	return v, errors.Join(cause, e.record(ctx, out))
}

// decideOn is how a person decides about an uncertain redemption.
func decideOn(redemption string) string {
	return fmt.Sprintf("; ask the Contact Administrator whether tmsctl auth-token list shows %s; if it does: regent ledger resolve %[1]s --consumed, and if not: regent ledger resolve %[1]s --not-consumed, after which it is redeemed by itself", redemption)
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
		v.Text = fmt.Sprintf("the client of the service cannot be made: %v; check tenant, proxy and ca_file in the configuration; it is tried again by itself", err)
		return v
	}
	if f.Status == 429 {
		v.Code = fault.Throttled
	}
	v.After = f.RetryAfter
	v.Text = fmt.Sprintf("%v; no count was used; check the tenant, the network and the proxy; it is tried again by itself", f)
	return v
}

// local is the verdict on a failure of this device: nothing was sent.
func local(err error) Verdict {
	return Verdict{
		Entry: Unused, Code: fault.Unavailable, Retry: true, Cause: backoff.Store,
		Text: fmt.Sprintf("nothing was sent, since this device is not ready to keep an auth token: %v; it is tried again by itself", err),
	}
}

// notKept is the verdict on an auth token that was bought and is not yet durable.
func notKept(err error) Verdict {
	return Verdict{
		Entry: Confirmed, Code: fault.Unavailable, Retry: true, Cause: backoff.Store,
		Text: fmt.Sprintf("one count was used, and the auth token it bought cannot be stored: %v; it is held in memory and storing it is tried again by itself; leave the daemon running and make the state directory writable", err),
	}
}

// keep makes a bought auth token durable, then confirms it. Until that works it
// is held in memory, handed out to nobody, and tried again.
func (e *Engine) keep(ctx context.Context, b boughtOnce) {
	id := b.record.ID
	err := e.Vault.Create(ctx, b.record)
	if err != nil {
		e.Log.ErrorContext(ctx, "a new auth token could not be stored yet; it is kept in memory and tried again", "instance", id.String(), "err", err)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.unkept[id] = b
		e.pauseAfter(id, notKept(err), err)
		return
	}
	e.Device.Works(backoff.Store)
	out := outcome(b.intent, Confirmed)
	out.AuthTokenID = b.record.AuthTokenID
	if err := e.record(ctx, out); err != nil {
		// The record names the intent: if it is not settled, the next start does.
		e.Log.ErrorContext(ctx, "the ledger could not be written; it is tried again", "instance", id.String(), "err", err)
	}
	e.mu.Lock()
	delete(e.unkept, id)
	delete(e.pauses, id)
	delete(e.demanded, id)
	e.mu.Unlock()
	e.Changed(ctx, id, b.was, instance.Live, "")
	e.Log.InfoContext(ctx, "redeemed: one count used", "instance", id.String(), "identifier", b.record.Identifier)
}

// bought makes the vault's record of an auth token.
func (e *Engine) bought(w Want, held Held, p tms.Provider, intent Entry, t tms.AuthToken) vault.Record {
	old, _ := e.Vault.Get(w.ID)
	r := vault.Record{
		ID: w.ID, Base: w.Base, Intent: intent.ID, Registration: held.Fingerprint,
		AuthTokenID: t.ID, Identifier: intent.Identifier, Provider: p,
		State: instance.Live, Since: e.Clock.Wall(),
		Access: t.Access, Life: token.Received(e.Clock, t.TTL), Generation: old.Generation + 1, Draw: e.Draw(),
		Refresh: t.Refresh, RefreshLife: token.Received(e.Clock, t.RefreshTTL), Served: e.serviceTime(w.ID.Tenant), Again: old.Again,
		Form: t.Form, Began: e.serviceTime(w.ID.Tenant), Session: old.Session,
	}
	if old.State == instance.RefreshExpired {
		r.Again = e.serviceTime(w.ID.Tenant)
	}
	return r
}

// serviceTime is the present by the service's own clock, as its last answer
// showed it.
func (e *Engine) serviceTime(tenant string) time.Time {
	now := e.Clock.Wall()
	if e.Skew != nil {
		now = now.Add(e.Skew(tenant))
	}
	return now
}

// failed remembers a failed attempt, and what it says of the registration token.
func (e *Engine) failed(ctx context.Context, id instance.ID, held Held, v Verdict, cause error) {
	if v.Entry == Refused {
		if err := e.Registrations.Refuse(ctx, held, v.Code, v.Text, e.Clock.Wall()); err != nil {
			e.Log.WarnContext(ctx, "a refusal could not be recorded; it is asked again", "instance", id.String(), "err", err)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pauseAfter(id, v, cause)
}
