package redeem

import (
	"context"
	"errors"
	"time"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/token"
)

// Register keeps a registration token sealed; when it returns nil the original
// may go. A token that comes again, as an MDM brings it, is not kept when
// nothing is left for it to pay for: kept says so. It spends nothing on
// instances that have an auth token.
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
		e.Registrations.CacheFingerprint(ctx, h.Token) // it may come again at each start
		return false, nil
	}
	if err := e.Registrations.Store(ctx, h); err != nil {
		return false, err
	}
	e.Registrations.CacheFingerprint(ctx, h.Token)
	e.Pauses.ClearTenant(h.Tenant) // whoever gives it again wants it tried now
	e.Kick()
	return true, nil
}

// useful reports whether some declared instance could be bought with h.
func (e *Engine) useful(plan Plan, h RegistrationToken) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	declared := false
	for _, w := range plan.Targets {
		if w.ID.Tenant != h.Tenant || h.Application != "" && h.Application != w.ID.Application {
			continue
		}
		declared = true
		if e.decisionInput(plan, w).mayNeedToken() {
			return true
		}
	}
	return !declared
}

// SkipSplay lets the registration token with the fingerprint be used at once:
// a person waits for it.
func (e *Engine) SkipSplay(fingerprint string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.splays[fingerprint] = 0
	e.Kick()
}

// Demand records that a caller wants id, which is redeemed on demand.
func (e *Engine) Demand(id instance.ID) {
	e.mu.Lock()
	fresh := !e.demanded[id]
	e.demanded[id] = true
	e.mu.Unlock()
	if fresh {
		e.Kick()
	}
}

// State is the state of an instance as the vault and the ledger tell it.
func (e *Engine) State(id instance.ID) instance.State {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, held := e.Tokens.Get(id)
	a := e.accounts[id]
	if e.redeeming == id {
		a.Open = nil // it is under way, which is no doubt yet
	}
	return stateOf(held, r.State, a)
}

// Account is what the ledger says of an instance.
func (e *Engine) Account(id instance.ID) Account {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.accounts[id]
}

// Reason is what a caller of an instance without an auth token is told, when
// that happened, and how long until it is tried again (0 if it is not).
func (e *Engine) Reason(id instance.ID) (f *fault.Fault, at time.Time) {
	held, has := e.Registrations.ForScope(Scope{id.Tenant, id.Application})
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.accounts[id]
	code, text := unredeemedReason(a, held, has)
	at = a.Last.At
	var retry time.Duration
	if p, failing := e.Pauses.Last(id, has); failing && code != fault.RedemptionUncertain && held.Refused == "" {
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

// Obstacle says what stands between an instance whose auth token has ended and another
// redemption: for people, "" for nothing.
func (e *Engine) Obstacle(id instance.ID) string {
	held, has := e.Registrations.ForScope(Scope{id.Tenant, id.Application})
	e.mu.Lock()
	defer e.mu.Unlock()
	plan := e.Plan()
	for _, w := range plan.Targets {
		if w.ID == id {
			return e.decisionInput(plan, w).obstacleText(held, has, e.serviceTime(id.Tenant))
		}
	}
	return ""
}

// autoRetries reports whether an uncertain redemption of id is tried again by itself.
// The caller holds mu.
func (e *Engine) autoRetries(id instance.ID) bool {
	plan := e.Plan()
	for _, w := range plan.Targets {
		if w.ID == id {
			return e.decisionInput(plan, w).autoRetries()
		}
	}
	return false
}

// blockedReason says for what id waits, and since when, if it is redeemed as soon as the form
// of redemptions is proven; "" if it does not. The caller holds mu.
func (e *Engine) blockedReason(id instance.ID) (why string, since time.Time) {
	plan, learned := e.Plan(), e.Capabilities.RequestForm(id.Tenant)
	doubt, doubted := e.blocker(plan, id)
	if _, accepted := plan.nextForm(learned); accepted {
		why, since = unconfirmedText(id.Tenant, learned), learned.At
	} else if doubted {
		why, since = blockedText(doubt), doubt.At
	}
	for _, w := range plan.Targets {
		if w.ID == id && why != "" {
			s := e.decisionInput(plan, w)
			s.formUnproven = false
			if s.due() {
				return why, since
			}
		}
	}
	return "", time.Time{}
}
