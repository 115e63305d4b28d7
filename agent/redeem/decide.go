package redeem

import (
	"context"
	"fmt"
	"strings"
	"time"

	"regent/agent/fault"
	"regent/agent/tms"
	"regent/agent/token"
)

// Target is one declared instance.
type Target struct {
	ID       token.Instance
	BaseURL  string // the tenant's base URL
	OnDemand bool   // redeemed only when first asked for
}

// Scope is where its registration token is looked for first.
func (w Target) Scope() Scope { return Scope{w.ID.Tenant, w.ID.Application} }

// Plan is what the configuration wants of redemption.
type Plan struct {
	Targets               []Target
	UncertainRetries      int
	Splay                 time.Duration
	KeepRegistrationToken bool // keep the registration token after all are confirmed
	RedeemOnExpiry        bool // policy redeems again after refresh_expired

	RequestForm      string // contract.request: Auto, tms.Wrapped or tms.Bare; "" for Auto
	RequestConfirmed bool   // contract.request_confirmed: a person has seen that Request is right
}

// policyInterval bounds what policy spends by itself: once per instance in 30 days.
const policyInterval = 30 * 24 * time.Hour

// decisionInput is all that decides whether an instance is to be redeemed.
type decisionInput struct {
	state             token.State
	account           Account
	wanted            bool // eager, or asked for by a caller
	redeemOnExpiry    bool // Plan.RedeemOnExpiry
	sincePolicyRedeem time.Duration
	retryLimit        int
	formUnproven      bool // the form of redemptions is not proven, and one was accepted or is in doubt
}

// due reports whether a count may be spent now. It is pure, and the only place
// where that is decided.
func (s decisionInput) due() bool {
	switch {
	case s.formUnproven:
		return false
	case s.account.Requested:
		return true
	case s.account.ManualOnly || !s.wanted:
		return false
	case s.state == token.Uncertain:
		return s.retryable()
	case s.state == token.RefreshExpired:
		return s.redeemOnExpiry && s.sincePolicyRedeem >= policyInterval
	default:
		return s.state == token.Unredeemed && s.account.CurrentIntent == ""
	}
}

// mayNeedToken reports whether a registration token may still be of use: now, or
// after a person has decided. It is, as long as the instance has no auth token
// that works.
func (s decisionInput) mayNeedToken() bool {
	return s.account.Requested || !s.state.Refreshable()
}

// retryable reports whether every uncertain answer asks for another try, as the documented
// 500 does, and the budget in the ledger allows one.
func (s decisionInput) retryable() bool {
	for _, e := range s.account.RecentUncertain {
		if !e.Retryable {
			return false
		}
	}
	return len(s.account.Open) == 0 && s.account.RetriesUsed <= s.retryLimit
}

// stateOf is the state of an instance as the vault and the ledger tell it.
func stateOf(held bool, state token.State, a Account) token.State {
	switch {
	case held && state.Refreshable():
		return state
	case len(a.RecentUncertain) > 0 || len(a.Open) > 0:
		return token.Uncertain
	case held:
		return state
	default:
		return token.Unredeemed
	}
}

// obstacleText says what stands between an instance whose auth token has ended and
// another redemption: for people, "" for nothing. now is the service's time. It is
// pure.
func (s decisionInput) obstacleText(held RegistrationToken, has bool, now time.Time) string {
	var texts []string
	if s.state == token.RefreshExpired && s.redeemOnExpiry && s.sincePolicyRedeem < policyInterval {
		last := now.Add(-s.sincePolicyRedeem)
		texts = append(texts, fmt.Sprintf("Regent redeemed it automatically on %s, and does so again from %s on (once in 30 days)", last.UTC().Format(time.DateOnly), last.Add(policyInterval).UTC().Format(time.DateOnly)))
	}
	switch {
	case has && held.Refused == fault.RegistrationExhausted:
		texts = append(texts, "the registration token has no count left; first give another one: regent register --file FILE")
	case has && held.Refused != "":
		texts = append(texts, "the service refused the registration token; first give another one: regent register --file FILE")
	case !has:
		texts = append(texts, "there is no registration token; first give one: regent register --file FILE")
	}
	return strings.Join(texts, "; ")
}

// autoRetries reports whether an uncertain redemption is followed by another one
// without a person: the account allows it, and somebody wants it.
func (s decisionInput) autoRetries() bool { return s.state == token.Uncertain && s.due() }

// autoRetryText is what is said of an uncertain redemption that is tried again.
const autoRetryText = "the service did not finish the redemption, and asks for another try; Regent tries again by itself, as often as limits.redeem_uncertain_retries allows; a count may have been used"

// unredeemedReason is what a caller of an unredeemed instance is told: the code of its
// last redemption, at first not_registered.
func unredeemedReason(a Account, held RegistrationToken, has bool) (fault.Kind, string) {
	switch {
	case a.CurrentIntent != "" && len(a.RecentUncertain) == 0:
		return fault.StoreUnreadable, fmt.Sprintf("the ledger says that the auth token %s was bought, but its record is gone from the state directory; restore that, or spend another count with regent instances redeem", a.CurrentIntent)
	case len(a.RecentUncertain) > 0:
		return fault.RedemptionUncertain, a.RecentUncertain[len(a.RecentUncertain)-1].Words
	case has && held.Refused != "":
		return held.Refused, held.RefusedText
	case (a.Last.Kind == Refused || a.Last.Kind == Unused) && (!has || !a.Last.At.Before(held.ReceivedAt)):
		return a.Last.Code, a.Last.Words
	case a.Last.Kind == Forgotten:
		return fault.NotRegistered, "its auth token was wiped from this device, as a person decided, so none is bought by itself; an administrator may spend another count with: regent instances redeem " + a.Last.Instance
	case a.ManualOnly:
		return fault.NotRegistered, "its last redemption used a count, as a person found, so it is not repeated by itself; an administrator may spend another with: regent instances redeem " + a.Last.Instance
	case has:
		return fault.NotRegistered, "a registration token is held, and redeeming it has not come to an end yet; try again later"
	default:
		return fault.NotRegistered, ""
	}
}

// FormAuto is the value of contract.request that begins with the wrapped form and tries the
// other one by the rule of [another].
const FormAuto = "auto"

// nextForm returns the form of a tenant's next redemption, and whether the redemption
// waits for a person. Until a form is proven, Regent redeems only one instance, and none
// by itself once a person found that the service ignores both forms. It is pure.
func (p Plan) nextForm(learned tms.RequestForm) (form string, waits bool) {
	auto := p.RequestForm == FormAuto || p.RequestForm == ""
	switch {
	case auto && learned.Form == "":
		return tms.Wrapped, false
	case auto && learned.Proof == tms.Ignored:
		return tms.OtherForm(learned.Form), learned.NeitherForm()
	case auto:
		return learned.Form, learned.Proof == tms.Accepted
	case learned.Form != p.RequestForm:
		return p.RequestForm, false
	}
	if learned.NeitherForm() {
		return p.RequestForm, !p.RequestConfirmed
	}
	return p.RequestForm, learned.Proof == tms.Ignored || learned.Proof == tms.Accepted && !p.RequestConfirmed
}

// formProven reports whether the form of the next redemption is proven, or confirmed for
// all devices. Until then, an uncertain redemption stops the other instances. It is pure.
func (p Plan) formProven(learned tms.RequestForm) bool {
	form, _ := p.nextForm(learned)
	return learned.Form == form && learned.Proven() || p.RequestConfirmed && p.RequestForm == form
}

// blocker returns the uncertain redemption that stops id: the tenant's oldest, of another
// instance, while no form is proven. It does not stop that other instance. The caller holds
// mu.
func (e *Engine) blocker(plan Plan, id token.Instance) (doubt Entry, held bool) {
	doubt, ok := e.oldestUncertain[id.Tenant]
	if !ok || plan.formProven(e.Capabilities.RequestForm(id.Tenant)) {
		return Entry{}, false
	}
	other, err := doubt.InstanceID()
	return doubt, err == nil && other != id && other != e.redeeming // what is under way is no doubt yet
}

// formInput is the input of the decision which form may follow a failed redemption.
type formInput struct {
	request string // contract.request
	form    string // in which it was sent
	first   bool   // no earlier redemption of the instance is unanswered
	token   string // fingerprint of the registration token
	learned tms.Capabilities
}

// fallbackForm is the other form, which may follow the failure f of s at once; "" for
// none. A: a 400 in the service's shape to the first send of a redemption means
// that nothing was made. The other form is then tried once for each tenant and
// registration token, unless the service's words can be about a duplicate or about
// the token itself. Nothing but a 400 leads to it. It is pure.
func (s formInput) fallbackForm(f *tms.Failure) string {
	other, known := tms.OtherForm(s.form), s.learned.Request
	switch {
	case s.request != FormAuto && s.request != "", !s.first:
		return ""
	case !f.FormRefused():
		return ""
	case known.Proven() || known.Proof == tms.Accepted || known.Proof == tms.Ignored && known.Form == other:
		return ""
	case s.learned.WasRefused(s.token):
		return ""
	}
	return other
}

// formsInLedger returns the form that each tenant accepted, by the ledger. Intents of an
// earlier release name no form: it sent bare bodies. They count as proven, so an update
// stops no device that has redeemed before. It is pure.
func formsInLedger(entries []Entry) map[string]tms.RequestForm {
	intents, by := map[string]Entry{}, map[string]tms.RequestForm{}
	for _, e := range entries {
		if e.Kind == Intent {
			intents[e.ID] = e
			continue
		}
		intent, known := intents[e.ID]
		if form, ok := formEvidence(intent, e); known && ok {
			l := tms.Capabilities{Request: by[e.Tenant]}
			l.NoteRedemption(form.Form, form.By, form.Proof, form.At)
			by[e.Tenant] = l.Request
		}
	}
	return by
}

// formEvidence returns the evidence of the outcome e for the form in which its intent was
// sent.
func formEvidence(intent, e Entry) (tms.RequestForm, bool) {
	f := tms.RequestForm{Form: intent.Form, By: e.ID, At: e.At}
	switch {
	case e.Kind == Confirmed && intent.Form == "":
		f.Form, f.Proof = tms.Bare, tms.ByRelease
	case e.Kind == Confirmed && e.Unconfirmed:
		f.Proof = tms.Accepted
	case e.Kind == Confirmed:
		f.Proof = tms.ByReply
	case e.Kind == Resolved && e.Consumed, e.Kind == Compared && e.Consumed:
		f.Proof = tms.ByPerson // the service's list has it
	case e.Kind == Compared:
		f.Proof = tms.Ignored
	default:
		return f, false
	}
	if f.Form == "" {
		f.Form = tms.Bare
	}
	return f, true
}

// learnFromLedger learns forms from the ledger that no record has: from an earlier release,
// or after a loss of power between the auth token's record and this one.
func (e *Engine) learnFromLedger(ctx context.Context) {
	for tenant, form := range formsInLedger(e.Ledger.Entries()) {
		if e.Capabilities.RequestForm(tenant).Form == "" {
			e.Learn(ctx, tenant, func(l *tms.Capabilities) { l.Request = form })
		}
	}
}

// unconfirmedText is the text for instances that wait until a form is proven.
func unconfirmedText(id token.Instance, l tms.RequestForm) string {
	tenant := id.Tenant
	if l.NeitherForm() {
		return fmt.Sprintf("neither form of a redemption made an auth token that %s lists, so Regent redeems nothing there by itself; ask the Contact Administrator to check the registration token and the list; to use one more count, run: regent instances redeem %s; if the form is known, set contract.request to it, and contract.request_confirmed: true", tenant, id)
	}
	if l.Proof == tms.Ignored {
		return fmt.Sprintf("%s does not read the %s form, but contract.request selects it; set contract.request: auto", tenant, l.Form)
	}
	return fmt.Sprintf("%s accepted redemption %s, but its reply does not show the names of this device; Regent redeems no other instance until somebody confirms it; %s", tenant, l.By, compareHint(l))
}

// blockedText is the text for instances that wait for an uncertain redemption. So a service
// that ignores the body costs one count in all, not one for each instance.
func blockedText(doubt Entry) string {
	return fmt.Sprintf("redemption %s of %s is uncertain, and %s has not yet shown in which form it reads redemptions; Regent redeems no other instance until somebody decides about it%s", doubt.ID, doubt.Instance, doubt.Tenant, resolveHint(doubt.ID))
}

// compareHint tells a person how to decide about an accepted redemption.
func compareHint(l tms.RequestForm) string {
	next := "with contract.request: auto, Regent then tries the other form, which costs one more count"
	if l.OtherIgnored {
		next = "Regent then redeems nothing more by itself, since both forms were tried"
	}
	return fmt.Sprintf("ask the Contact Administrator whether tmsctl auth-token list shows %s; if it does, run: regent ledger resolve %[1]s --listed; if not, run: regent ledger resolve %[1]s --not-listed; %s", l.By, next)
}
