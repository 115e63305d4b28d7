package redeem

import (
	"context"
	"errors"
	"time"

	"regent/agent/fault"
	"regent/agent/timing"
	"regent/agent/token"
)

// Register seals a registration token. If it returns nil, the caller may delete the
// original. kept is false if no instance needs the token, for example if an MDM brings it
// again. Register spends no count on instances that have an auth token.
func (e *Engine) Register(ctx context.Context, h RegistrationToken) (kept bool, err error) {
	bare, err := token.ParseRegistration([]byte(h.Token.Reveal())) //nolint:forbidigo // its form is read, and it stays here
	if err == nil && !bare.Equal(h.Token) {
		err = errors.New("has white space or a mark around it: remove that")
	}
	if err != nil {
		return false, fault.Errorf("register", fault.InvalidRequest, "the registration token %v", err)
	}
	h.ReceivedAt = e.Clock.Wall()
	plan := e.Plan()
	if !plan.KeepRegistrationToken && !e.useful(plan, h) {
		e.Registrations.CacheFingerprint(ctx, h.Token) // it may arrive again at each start
		return false, nil
	}
	old, _ := e.Registrations.ForScope(h.Scope)
	if err := e.Registrations.Store(ctx, h); err != nil {
		return false, err
	}
	e.Registrations.CacheFingerprint(ctx, h.Token)
	if !old.Token.Equal(h.Token) { // the same token again, as at each start, ends no pause
		e.Pauses.ClearTenant(h.Tenant)
	}
	e.Kick()
	return true, nil
}

// useful reports whether a declared instance may need h.
func (e *Engine) useful(plan Plan, h RegistrationToken) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	declared := false
	for _, w := range plan.Targets {
		if !h.Covers(w.ID) {
			continue
		}
		if declared = true; e.mayNeedToken(plan, w) {
			return true
		}
	}
	return !declared // the next configuration may declare one
}

// SkipWait ends the random delay of a registration token, named by tenant and fingerprint,
// since a person waits for it. A pause that the service asked for stays.
func (e *Engine) SkipWait(tenant, fingerprint string) {
	e.Pauses.ClearTenant(tenant)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.splays[fingerprint] = 0
	e.Kick()
}

// Demand records that a caller asked for id. The engine then redeems it on demand.
func (e *Engine) Demand(id token.Instance) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.demanded[id] {
		e.demanded[id] = true
		e.check(id)
	}
}

// State returns the state of an instance by the store and the ledger.
func (e *Engine) State(id token.Instance) token.State {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, held := e.Tokens.Get(id)
	a := e.accounts[id]
	if e.redeeming == id {
		a.Open = nil // it is under way, so not uncertain yet
	}
	return stateOf(held, r.State, a)
}

// Account returns the account of an instance in the ledger.
func (e *Engine) Account(id token.Instance) Account {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.accounts[id]
}

// Reason returns the fault for a caller of an instance without an auth token, and the time
// of its cause. Its Retry is the time until the next try; 0 if there is none.
func (e *Engine) Reason(id token.Instance) (f *fault.Fault, at time.Time) {
	held, has := e.Registrations.ForScope(Scope{id.Tenant, id.Application})
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.accounts[id]
	code, text := unredeemedReason(a, held, has)
	at = a.Last.At
	var retry time.Duration
	if p, failing := e.Pauses.Last(id, has); failing && code != fault.RedemptionUncertain && p.Code != fault.RedemptionUncertain && held.Refused == "" {
		code, text, at = p.Code, p.Text, p.At
		if !p.Code.NeedsPerson() {
			retry = p.Left
		}
	}
	if code == fault.RedemptionUncertain && has && held.Refused == "" && e.autoRetries(id) {
		text = autoRetryText
	}
	if has && held.Refused == "" && code != fault.RedemptionUncertain {
		if why, since := e.blockedReason(id); why != "" {
			code, text, at, retry = fault.RedemptionUnconfirmed, why, since, 0
		}
	}
	f = &fault.Fault{Op: "redeem", Kind: code, Instance: id.String(), Detail: text, Retry: retry}
	return f, at
}

// Obstacle tells people why an ended auth token is not redeemed again; "" if nothing
// prevents it.
func (e *Engine) Obstacle(id token.Instance) string {
	held, has := e.Registrations.ForScope(Scope{id.Tenant, id.Application})
	e.mu.Lock()
	defer e.mu.Unlock()
	if s, declared := e.inputOf(e.Plan(), id); declared {
		return s.obstacleText(held, has, e.ServiceTime(id.Tenant))
	}
	return ""
}

// inputOf is decisionInput for an instance, if plan declares it. The caller holds mu.
func (e *Engine) inputOf(plan Plan, id token.Instance) (s decisionInput, declared bool) {
	w, declared := e.index.find(plan.Targets, id)
	if !declared {
		return s, false
	}
	return e.decisionInput(plan, w), true
}

// autoRetries reports whether Regent retries an uncertain redemption of id by itself. The
// caller holds mu.
func (e *Engine) autoRetries(id token.Instance) bool {
	s, declared := e.inputOf(e.Plan(), id)
	return declared && s.autoRetries()
}

// blockedReason tells people why id waits until the form of redemptions is proven, and
// since when. It is "" if id does not wait for that. The caller holds mu.
func (e *Engine) blockedReason(id token.Instance) (why string, since time.Time) {
	plan, learned := e.Plan(), e.Capabilities.RequestForm(id.Tenant)
	doubt, doubted := e.blocker(plan, id)
	if _, accepted := plan.nextForm(learned); accepted {
		why, since = unconfirmedText(id, learned), learned.At
	} else if doubted {
		why, since = blockedText(doubt), doubt.At
	}
	s, declared := e.inputOf(plan, id)
	if s.formUnproven = false; why != "" && declared && s.due() {
		return why, since
	}
	return "", time.Time{}
}

// WaitSettled waits until each of ids has settled once: it has an auth token, was refused,
// waits for a person, or its last attempt failed. It waits the few seconds until a retry of
// an uncertain redemption, but not for a pause that the service asked for. It returns early
// when ctx is done.
//
// Waiting is cheap: the engine checks a waited-for instance after each of its attempts, and
// all of them before it sleeps.
func (e *Engine) WaitSettled(ctx context.Context, ids ...token.Instance) {
	for _, settled := range e.unsettled(ids) {
		select {
		case <-ctx.Done():
			return
		case <-settled:
		}
	}
}

// unsettled returns, for each of ids that is declared and not settled, a channel that
// closes when it settles.
func (e *Engine) unsettled(ids []token.Instance) (waits []chan struct{}) {
	plan := e.Plan()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range ids {
		w, declared := e.index.find(plan.Targets, id)
		if !declared || e.settled(plan, w) {
			continue
		}
		if e.settling[w.ID] == nil {
			e.settling[w.ID] = make(chan struct{})
		}
		waits = append(waits, e.settling[w.ID])
	}
	return waits
}

// beginAttempt records that the redemption of w is under way.
func (e *Engine) beginAttempt(w Target) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.redeeming = w.ID
}

// endAttempt records that the attempt of w has ended, and notifies its waiters.
func (e *Engine) endAttempt(w Target) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.redeeming = token.Instance{}
	if settled, ok := e.settling[w.ID]; ok && e.settled(e.Plan(), w) {
		delete(e.settling, w.ID)
		close(settled)
	}
}

// notifySettled notifies the waiters of an instance that has settled without an attempt:
// its tenant asked for a pause, its registration token was refused, or it is no longer
// declared.
func (e *Engine) notifySettled(plan Plan) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, settled := range e.settling {
		if w, declared := e.index.find(plan.Targets, id); !declared || e.settled(plan, w) {
			delete(e.settling, id)
			close(settled)
		}
	}
}

// settled reports whether w is settled. The caller holds mu.
func (e *Engine) settled(plan Plan, w Target) bool {
	if e.redeeming == w.ID {
		return false
	}
	held, ok := e.Registrations.ForScope(w.Scope())
	usable, s, left := ok && held.Refused == "", e.decisionInput(plan, w), e.Pauses.Left(w.ID)
	switch {
	case usable && left <= timing.PollInterval && (s.autoRetries() || s.formUnproven && e.blockerRetries(plan, w.ID)):
		return false
	case left > 0:
		return true
	default:
		return !usable || !s.due()
	}
}

// blockerRetries reports whether id waits for a redemption that Regent retries by itself.
// The caller holds mu.
func (e *Engine) blockerRetries(plan Plan, id token.Instance) bool {
	doubt, held := e.blocker(plan, id)
	other, err := doubt.InstanceID()
	return held && err == nil && e.autoRetries(other)
}
