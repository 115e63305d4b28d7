package redeem

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/timing"
	"regent/agent/tms"
	"regent/agent/token"
	"regent/agent/tokenstore"
)

// unsavedToken is an auth token that was received and is not yet durable.
type unsavedToken struct {
	record        tokenstore.Record
	intent        Entry
	previousState token.State // before the redemption
}

// errGivenUp ends an attempt that had spent no count when the daemon stopped, or when the
// configuration no longer wanted the instance.
var errGivenUp = errors.New("redeem: regentd stops, or the instance is no longer configured")

// attempt redeems w and records the outcome. It reports whether w has an auth token now and
// nothing changed for other instances.
func (e *Engine) attempt(ctx context.Context, w Target) (alone bool) {
	e.beginAttempt(w)
	defer e.endAttempt(w)
	held, ok := e.Registrations.ForScope(w.Scope())
	if !ok {
		return false
	}
	was, known := e.State(w.ID), e.evidenceFor(w.ID.Tenant)
	v, err := e.redeem(ctx, w, held, was)
	if err == nil {
		return e.evidenceFor(w.ID.Tenant) == known && e.State(w.ID) == token.Live
	}
	if errors.Is(err, errGivenUp) {
		return false
	}
	ctx = context.WithoutCancel(ctx)
	e.Log.WarnContext(ctx, "redemption failed", "instance", w.ID.String(), "kind", string(v.Code), "err", err)
	e.recordFailure(ctx, w.ID, held, v)
	if now := e.State(w.ID); now != was {
		e.Changed(ctx, w.ID, was, now, v.Code)
	}
	return false
}

// evidence is what a redemption can change for the other instances of its tenant.
type evidence struct {
	form      string
	proof     tms.Proof
	neither   bool
	uncertain string // the tenant's oldest uncertain redemption
}

func (e *Engine) evidenceFor(tenant string) evidence {
	l := e.Capabilities.RequestForm(tenant)
	e.mu.Lock()
	defer e.mu.Unlock()
	return evidence{l.Form, l.Proof, l.NeitherForm(), e.oldestUncertain[tenant].ID}
}

// redeem spends one count of held on w. agent/DESIGN.md explains the order of the steps
// under "What happens when the power goes".
func (e *Engine) redeem(ctx context.Context, w Target, held RegistrationToken, was token.State) (Verdict, error) {
	stop := ctx
	service, provider, v, err := e.discover(ctx, w)
	if err != nil {
		return v, err
	}
	// 1. The store must be writable, since the auth token must be stored.
	if err := e.Probe(ctx); err != nil {
		return localVerdict(err), err
	}
	// No count is spent yet, so a stopping daemon ends here. The discovery took time and
	// may have corrected the service's time, so check again that the redemption is due.
	// From here on the redemption is finished and recorded, even if the daemon stops. The
	// client's own timeout bounds it.
	if ctx.Err() != nil || !e.stillDue(w, held) {
		return Verdict{}, errGivenUp
	}
	ctx = context.WithoutCancel(ctx)
	buy := pendingRedemption{service, provider, w, held, was}
	s := e.formInput(w, held)
	v, err = e.send(ctx, buy, s.form)
	f, ok := errors.AsType[*tms.Failure](err)
	if !ok {
		return v, err
	}
	other := s.fallbackForm(f)
	if other == "" {
		return v, err
	}
	return e.resend(ctx, stop, buy, s, other, f)
}

// discover finds the service of w. It costs no count. First it tests the store, if that
// failed before.
func (e *Engine) discover(ctx context.Context, w Target) (s Service, p tms.Provider, v Verdict, err error) {
	if e.Pauses.Device.Failing(timing.CauseStore) {
		if err := e.Probe(ctx); err != nil {
			return nil, p, localVerdict(err), err
		}
		e.Pauses.Device.Clear(timing.CauseStore)
	}
	if s, err = e.Service(w.BaseURL); err != nil {
		v := discoveryVerdict(err)
		v.Cause = timing.CauseClient(w.BaseURL)
		return nil, p, v, err
	}
	e.Pauses.Device.Clear(timing.CauseClient(w.BaseURL))
	p, err = s.Discover(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, p, v, errGivenUp
	case err != nil:
		return nil, p, discoveryVerdict(err), err
	}
	return s, p, v, nil
}

// pendingRedemption has the results of an attempt before it sends.
type pendingRedemption struct {
	service       Service
	provider      tms.Provider
	target        Target
	token         RegistrationToken
	previousState token.State
}

// formInput collects the facts that decide about the form of w's next redemption.
func (e *Engine) formInput(w Target, held RegistrationToken) formInput {
	plan, a, learned := e.Plan(), e.Account(w.ID), e.Capabilities.Get(w.ID.Tenant)
	form, _ := plan.nextForm(learned.Request)
	return formInput{plan.RequestForm, form, len(a.Open) == 0 && len(a.RecentUncertain) == 0, held.Fingerprint, learned}
}

// send makes one POST in a form.
func (e *Engine) send(ctx context.Context, p pendingRedemption, form string) (Verdict, error) {
	// 2. The intent is durable before anything is sent.
	request := e.Request(p.target.ID)
	request.Identifier, request.Form = e.NewID(), form
	intent, err := e.writeIntent(ctx, p.target, p.token, request)
	if err != nil {
		return localVerdict(err), err
	}
	// 3. One POST with a new identifier. It is not repeated here.
	bought, err := p.service.Redeem(ctx, p.token.Token, request)
	if err != nil {
		return e.recordFailedPost(ctx, intent, err)
	}
	// 4. The auth token is durable, and names its intent.
	// 5. Only then the ledger gets the line confirmed.
	e.saveToken(ctx, unsavedToken{e.newRecord(p, intent, bought), intent, p.previousState})
	return Verdict{}, nil
}

// resend tries the other form once, after a 400 that cost no count. It stores the try
// before it sends, so a crash does not repeat it.
func (e *Engine) resend(ctx, stop context.Context, p pendingRedemption, s formInput, other string, refused *tms.Failure) (Verdict, error) {
	if stop.Err() != nil || !e.stillDue(p.target, p.token) { // the next start begins with the first form again
		return Verdict{}, errGivenUp
	}
	note := tms.Refusal{Form: s.form, Code: refused.Code, Text: refused.Message, At: e.Clock.Wall().UTC()}
	if err := e.Capabilities.Update(ctx, p.target.ID.Tenant, func(l *tms.Capabilities) { l.NoteRefusal(s.token, note) }); err != nil {
		e.Learn(ctx, p.target.ID.Tenant, func(l *tms.Capabilities) { delete(l.Tried, s.token) }) // it was not tried
		return localVerdict(err), err
	}
	e.Log.InfoContext(ctx, "the service refused the form of a redemption; regentd tries the other form once", "instance", p.target.ID.String(), "refused", s.form, "tried", other, "said", refused.ServiceWords())
	v, err := e.send(ctx, p, other)
	if v.Entry == Refused {
		v.Text += fmt.Sprintf(". The service also refused the %s form: %s", s.form, refused.ServiceWords())
	}
	return v, err
}

// writeIntent writes the intent. If that fails but the line is in the ledger, nothing is
// sent, and it also writes an unused outcome.
func (e *Engine) writeIntent(ctx context.Context, w Target, held RegistrationToken, r tms.Request) (Entry, error) {
	intent, err := e.append(ctx, Entry{
		Kind: Intent, ID: r.Identifier, Tenant: w.ID.Tenant, Instance: w.ID.String(),
		Identifier: r.Identifier, FQDN: r.FQDN, UserName: r.UserName, MAC: r.MAC,
		RefID1: r.RefID1, RefID2: r.RefID2, Registration: held.Fingerprint, Form: r.Form,
	})
	if err != nil && intent.Seq != 0 {
		out := newOutcome(intent, Unused)
		out.Code, out.Words = fault.Unavailable, localVerdict(err).Text
		err = errors.Join(err, e.writeOutcome(ctx, out))
	}
	return intent, err
}

// writeOutcome writes an outcome. If that fails, it keeps the outcome for flush.
func (e *Engine) writeOutcome(ctx context.Context, out Entry) error {
	written, err := e.append(ctx, out)
	if err != nil {
		e.Log.WarnContext(ctx, "the ledger cannot be written; regentd retries", "instance", out.Instance, "err", err)
	}
	if err != nil && written.Seq == 0 {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.unwrittenOutcomes = append(e.unwrittenOutcomes, out)
	}
	return err
}

// flush retries the failed writes: auth tokens first, then answers, forms and outcomes.
func (e *Engine) flush(ctx context.Context) {
	e.mu.Lock()
	bought := slices.Collect(maps.Values(e.unsaved))
	owed := e.unwrittenOutcomes
	e.unwrittenOutcomes = nil
	unread := maps.Clone(e.unread)
	e.mu.Unlock()
	for _, b := range bought {
		e.saveToken(ctx, b)
	}
	for redemption, f := range unread {
		e.keepAnswer(ctx, redemption, f)
	}
	if err := e.Capabilities.Save(ctx); err != nil {
		e.Log.WarnContext(ctx, "cannot store the forms of a tenant; regentd retries", "err", err)
	}
	for _, out := range owed {
		_ = e.writeOutcome(ctx, out) // on failure, the next flush retries
	}
}

// append adds an entry to the ledger and updates the accounts.
func (e *Engine) append(ctx context.Context, entry Entry) (Entry, error) {
	out, err := e.Ledger.Append(ctx, entry)
	if out.Seq != 0 {
		e.mu.Lock()
		e.updateAccounts()
		e.mu.Unlock()
	}
	return out, err
}

// updateAccounts applies the new lines of the ledger to the accounts, in their order. It
// skips the old lines, since 1,000 instances would cost 1,000,000 steps. The caller holds
// mu.
func (e *Engine) updateAccounts() {
	for _, one := range e.Ledger.entriesAfter(e.lastApplied) {
		e.lastApplied = one.Seq
		id, _ := one.InstanceID() // without one, there is no account
		e.addCounts(e.accounts[id], -1)
		applyEntry(e.accounts, one)
		e.addCounts(e.accounts[id], 1)
		if one.Kind == Unregistered { // it concerns all accounts
			clear(e.doubtful)
			e.counts = status.Counts{}
			for _, a := range e.accounts {
				e.addCounts(a, 1)
			}
		}
		if a := e.accounts[id]; len(a.RecentUncertain)+len(a.Open) > 0 {
			e.doubtful[id] = true
		} else {
			delete(e.doubtful, id)
		}
	}
	e.oldestUncertain = oldestUncertain(e.accounts, e.doubtful)
}

// addCounts adds the counts of an account to those of this device, times n. The caller
// holds mu.
func (e *Engine) addCounts(a Account, n int) {
	e.counts.Confirmed += n * (a.Confirmed + a.FoundConsumed)
	e.counts.Uncertain += n * len(a.Uncertain)
}

// Counts returns the counts that this device used, by its whole ledger. It includes
// instances that are no longer configured.
func (e *Engine) Counts() *status.Counts {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.counts
	return &c
}

// recordFailedPost records why a POST gave no auth token.
func (e *Engine) recordFailedPost(ctx context.Context, intent Entry, cause error) (Verdict, error) {
	v := classifyError(cause)
	if v.Entry == Uncertain {
		if e.keepAnswer(ctx, intent.ID, cause) {
			v.Text += ". regentd stores the answer encrypted until the redemption is resolved"
		}
		v.Text += resolveHint(intent.ID)
	}
	out := newOutcome(intent, v.Entry)
	out.Code, out.Retryable, out.RetryAfter = v.Code, v.UsesRetryBudget, int64(v.After.Seconds())
	out.Words = strings.ReplaceAll(v.Text, fault.InstancePlaceholder, intent.Instance)
	if f, ok := errors.AsType[*tms.Failure](cause); ok {
		out.Status = f.Status
	}
	// If that fails, the intent stays open. If the process then ends, the next start
	// records the redemption as uncertain.
	return v, errors.Join(cause, e.writeOutcome(ctx, out))
}

// saveToken stores a new auth token, then confirms it in the ledger. While storing fails,
// the engine keeps it in memory, issues it to no caller, and retries.
func (e *Engine) saveToken(ctx context.Context, b unsavedToken) {
	id := b.record.ID
	err := e.Tokens.Create(ctx, b.record)
	e.recordAccepted(ctx, b) // also if the disk is full: the next redemption needs the evidence
	if err != nil {
		e.Log.ErrorContext(ctx, "a new auth token cannot be stored yet; regentd keeps it in memory and retries", "instance", id.String(), "err", err)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.unsaved[id] = b
		e.Pauses.Fail(id, notStoredVerdict(err).failure())
		return
	}
	e.Pauses.Device.Clear(timing.CauseStore)
	out := newOutcome(b.intent, Confirmed)
	out.AuthTokenID = b.record.AuthTokenID
	learned := e.Capabilities.RequestForm(id.Tenant)
	out.Unconfirmed = !b.record.RequestEchoed && !learned.Proven()
	if learned.By = b.intent.ID; out.Unconfirmed {
		out.Words = "accepted, unconfirmed: the reply does not show the identifier. " + compareHint(learned)
	}
	_ = e.writeOutcome(ctx, out) // on failure, the next start confirms it: the record names the intent
	e.mu.Lock()
	delete(e.unsaved, id)
	delete(e.demanded, id)
	e.mu.Unlock()
	e.Pauses.Clear(id)
	e.Changed(ctx, id, b.previousState, token.Live, "")
	e.Log.InfoContext(ctx, "redeemed: one count used", "instance", id.String(), "identifier", b.record.Identifier)
	if b.record.Refresh.IsZero() {
		e.Log.WarnContext(ctx, "the service gave no refresh token, so the auth token ends with its access token", "instance", id.String())
	}
}

// recordAccepted stores the evidence of a reply with an auth token: the accepted form, and
// the form of the reply.
func (e *Engine) recordAccepted(ctx context.Context, b unsavedToken) {
	proof, plan := tms.Accepted, e.Plan()
	switch {
	case b.record.RequestEchoed:
		proof = tms.ByReply
	case plan.RequestConfirmed && plan.RequestForm == b.intent.Form:
		proof = tms.ByPerson
	}
	at := b.record.Since.UTC()
	e.Learn(ctx, b.record.ID.Tenant, func(l *tms.Capabilities) {
		if l.Request.By != b.intent.ID { // otherwise this is a retry of the write
			l.NoteRedemption(b.intent.Form, b.intent.ID, proof, at)
		}
		l.NoteReply(b.record.ReplyForm, at)
	})
}

// newRecord makes the stored record of an auth token.
func (e *Engine) newRecord(p pendingRedemption, intent Entry, t tms.AuthToken) tokenstore.Record {
	w := p.target
	old, _ := e.Tokens.Get(w.ID)
	r := tokenstore.Record{
		ID: w.ID, BaseURL: w.BaseURL, Intent: intent.ID, Registration: p.token.Fingerprint,
		AuthTokenID: t.ID, Identifier: intent.Identifier, Provider: p.provider,
		State: token.Live, Since: e.Clock.Wall(),
		Access: t.Access, AccessLife: tokenstore.NewLifetime(e.Clock, t.TTL), Generation: old.Generation + 1, Jitter: e.Random(),
		Refresh: t.Refresh, RefreshLife: tokenstore.NewLifetime(e.Clock, t.RefreshTTL), RefreshIssuedAt: e.ServiceTime(w.ID.Tenant), PolicyRedeemedAt: old.PolicyRedeemedAt,
		Mask: tms.NewMask(p.token.Token), RequestEchoed: t.Echoed, ReplyForm: t.Form, RedeemedAt: e.ServiceTime(w.ID.Tenant), SessionLimit: old.SessionLimit,
	}
	if old.State == token.RefreshExpired {
		r.PolicyRedeemedAt = e.ServiceTime(w.ID.Tenant)
	}
	return r
}

// recordFailure sets the pause after a failed attempt. It stores a refusal of the
// registration token.
func (e *Engine) recordFailure(ctx context.Context, id token.Instance, held RegistrationToken, v Verdict) {
	if v.Entry == Refused {
		if err := e.Registrations.SetRefusal(ctx, held, v.Code, v.Text, e.Clock.Wall()); err != nil {
			e.Log.WarnContext(ctx, "a refusal cannot be recorded; regentd redeems again later", "instance", id.String(), "err", err)
		}
	}
	e.Pauses.Fail(id, v.failure())
}
