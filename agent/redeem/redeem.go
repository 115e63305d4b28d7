package redeem

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/timing"
	"regent/agent/tms"
	"regent/agent/token"
	"regent/agent/tokenstore"
)

// boughtOnce is an auth token that was received and is not yet durable.
type boughtOnce struct {
	record tokenstore.Record
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
	stop := ctx
	// What failed on this device is looked at before the service is asked anything.
	if e.Device.Why(timing.CauseStore) != nil {
		if err := e.Probe(ctx); err != nil {
			return local(err), err
		}
		e.Device.Works(timing.CauseStore)
	}
	service, err := e.Service(w.Base)
	if err != nil {
		v := beforeSending(err)
		v.Cause = timing.CauseClient(w.Base)
		return v, err
	}
	e.Device.Works(timing.CauseClient(w.Base))
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
	buy := purchase{service, provider, w, held, was}
	s := e.sending(w, held)
	v, err := e.send(ctx, buy, s.form)
	f, ok := errors.AsType[*tms.Failure](err)
	if !ok {
		return v, err
	}
	other := s.another(f)
	if other == "" {
		return v, err
	}
	return e.resend(ctx, stop, buy, s, other, f)
}

// purchase is what one attempt to redeem has found out before it sends.
type purchase struct {
	service  Service
	provider tms.Provider
	want     Want
	held     Held
	was      instance.State
}

// sending gathers what decides about the form of the next redemption of w.
func (e *Engine) sending(w Want, held Held) sending {
	plan, a, learned := e.Plan(), e.Account(w.ID), e.Learned.Of(w.ID.Tenant)
	form, _ := plan.opening(learned.Request)
	return sending{plan.Request, form, len(a.Open) == 0 && len(a.Doubt) == 0, held.Fingerprint, learned}
}

// send makes one POST in a form.
func (e *Engine) send(ctx context.Context, p purchase, form string) (Verdict, error) {
	// 2. The intent is durable before anything is sent.
	request := e.Request(p.want.ID)
	request.Identifier, request.Form = e.NewID(), form
	intent, err := e.intend(ctx, p.want, p.held, request)
	if err != nil {
		return local(err), err
	}
	// 3. One POST, with an identifier of its own, never repeated here.
	bought, err := p.service.Redeem(ctx, p.held.Token, request)
	if err != nil {
		return e.conclude(ctx, intent, err)
	}
	// 4. The auth token is durable, and names its intent.
	// 5. Only then the ledger says confirmed.
	e.keep(ctx, boughtOnce{e.bought(p, intent, bought), intent, p.was})
	return Verdict{}, nil
}

// resend tries the other form once, after a 400 that cost nothing. That it is
// tried is durable before, so that no crash makes it twice.
func (e *Engine) resend(ctx, stop context.Context, p purchase, s sending, other string, refused *tms.Failure) (Verdict, error) {
	if stop.Err() != nil { // the next start begins with the first form again
		return Verdict{}, errStopping
	}
	if !e.stillDue(p.want, p.held) {
		return Verdict{}, errMoot
	}
	note := tms.Refusal{Form: s.form, Code: refused.Code, Text: refused.Message, At: e.Clock.Wall().UTC()}
	if err := e.Learned.Change(ctx, p.want.ID.Tenant, func(l *tms.Learned) { l.Refused(s.token, note) }); err != nil {
		e.learn(ctx, p.want.ID.Tenant, func(l *tms.Learned) { delete(l.Tried, s.token) }) // it was not tried
		return local(err), err
	}
	e.Log.InfoContext(ctx, "the service refused the form of a redemption; the other form is tried once", "instance", p.want.ID.String(), "refused", s.form, "tried", other, "said", refused.Said())
	v, err := e.send(ctx, p, other)
	if v.Entry == Refused {
		v.Text += fmt.Sprintf("; in the %s form it was refused as well: %s", s.form, refused.Said())
	}
	return v, err
}

// intend writes the intent. A line that stands although it failed has sent
// nothing, and the ledger says so as soon as it can.
func (e *Engine) intend(ctx context.Context, w Want, held Held, r tms.Request) (Entry, error) {
	intent, err := e.append(ctx, Entry{
		Kind: Intent, ID: r.Identifier, Tenant: w.ID.Tenant, Instance: w.ID.String(),
		Identifier: r.Identifier, FQDN: r.FQDN, UserName: r.UserName, MAC: r.MAC,
		RefID1: r.RefID1, RefID2: r.RefID2, Registration: held.Fingerprint, Form: r.Form,
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
	unread := maps.Clone(e.unread)
	e.mu.Unlock()
	for _, b := range bought {
		e.keep(ctx, b)
	}
	for redemption, f := range unread {
		e.keepAnswer(ctx, redemption, f)
	}
	if err := e.Learned.Save(ctx); err != nil {
		e.Log.WarnContext(ctx, "cannot store the forms of a tenant; regentd retries", "err", err)
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
	e.doubts = oldestDoubts(e.accounts)
}

// conclude records why a POST gave no auth token.
func (e *Engine) conclude(ctx context.Context, intent Entry, cause error) (Verdict, error) {
	v := uncertainOf(cause)
	if v.Entry == Uncertain {
		if e.keepAnswer(ctx, intent.ID, cause) {
			v.Text += "; regentd keeps the answer encrypted until this is resolved"
		}
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
		Entry: Unused, Code: fault.Unavailable, Retry: true, Cause: timing.CauseStore,
		Text: fmt.Sprintf("nothing was sent, since this device is not ready to keep an auth token: %v; it is tried again by itself", err),
	}
}

// notKept is the verdict on an auth token that was bought and is not yet durable.
func notKept(err error) Verdict {
	return Verdict{
		Entry: Confirmed, Code: fault.Unavailable, Retry: true, Cause: timing.CauseStore,
		Text: fmt.Sprintf("one count was used, and the auth token it bought cannot be stored: %v; it is held in memory and storing it is tried again by itself; leave the daemon running and make the state directory writable", err),
	}
}

// keep makes a bought auth token durable, then confirms it. Until that works it
// is held in memory, handed out to nobody, and tried again.
func (e *Engine) keep(ctx context.Context, b boughtOnce) {
	id := b.record.ID
	err := e.Vault.Create(ctx, b.record)
	e.accepted(ctx, b) // it holds also while the disk is full: nothing more is bought blindly
	if err != nil {
		e.Log.ErrorContext(ctx, "a new auth token could not be stored yet; it is kept in memory and tried again", "instance", id.String(), "err", err)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.unkept[id] = b
		e.pauseAfter(id, notKept(err), err)
		return
	}
	e.Device.Works(timing.CauseStore)
	out := outcome(b.intent, Confirmed)
	out.AuthTokenID = b.record.AuthTokenID
	out.Unconfirmed = !b.record.Shown && !e.Learned.Request(id.Tenant).Proven()
	if out.Unconfirmed {
		out.Words = "accepted, unconfirmed: the reply does not show the identifier; " + lookFor(b.intent.ID)
	}
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

// accepted notes what a reply with an auth token taught.
func (e *Engine) accepted(ctx context.Context, b boughtOnce) {
	proof, plan := tms.Accepted, e.Plan()
	switch {
	case b.record.Shown:
		proof = tms.ByReply
	case plan.Confirmed && plan.Request == b.intent.Form:
		proof = tms.ByPerson
	}
	at := b.record.Since.UTC()
	e.learn(ctx, b.record.ID.Tenant, func(l *tms.Learned) {
		if l.Request.By != b.intent.ID { // a write that is tried again
			l.Redeemed(b.intent.Form, b.intent.ID, proof, at)
		}
		l.Replied(b.record.Form, at)
	})
}

// bought makes the vault's record of an auth token.
func (e *Engine) bought(p purchase, intent Entry, t tms.AuthToken) tokenstore.Record {
	w := p.want
	old, _ := e.Vault.Get(w.ID)
	r := tokenstore.Record{
		ID: w.ID, Base: w.Base, Intent: intent.ID, Registration: p.held.Fingerprint,
		AuthTokenID: t.ID, Identifier: intent.Identifier, Provider: p.provider,
		State: instance.Live, Since: e.Clock.Wall(),
		Access: t.Access, Life: token.Received(e.Clock, t.TTL), Generation: old.Generation + 1, Draw: e.Draw(),
		Refresh: t.Refresh, RefreshLife: token.Received(e.Clock, t.RefreshTTL), Served: e.serviceTime(w.ID.Tenant), Again: old.Again,
		Shown: t.Shown, Form: t.Form, Began: e.serviceTime(w.ID.Tenant), Session: old.Session,
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
