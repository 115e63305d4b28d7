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
	OnDemand bool   // redeemed only at the first request
}

// Scope is the scope of its own registration token.
func (w Target) Scope() Scope { return Scope{w.ID.Tenant, w.ID.Application} }

// Plan is the configuration of redemption.
type Plan struct {
	Targets               []Target
	UncertainRetries      int
	Splay                 time.Duration
	KeepRegistrationToken bool // keep the registration token after all are confirmed
	RedeemOnExpiry        bool // policy redeems again after refresh_expired

	RequestForm      string // contract.request: Auto, tms.Wrapped or tms.Bare; "" for Auto
	RequestConfirmed bool   // contract.request_confirmed: a person has checked RequestForm
}

// policyInterval is the shortest time between two redemptions of an instance by policy.
const policyInterval = 30 * 24 * time.Hour

// decisionInput has all facts that decide whether an instance is redeemed.
type decisionInput struct {
	state             token.State
	account           Account
	wanted            bool // eager, or a caller asked for it
	redeemOnExpiry    bool // Plan.RedeemOnExpiry
	sincePolicyRedeem time.Duration
	retryLimit        int
	formUnproven      bool // the form of redemptions is not proven, and one was accepted or is uncertain
}

// due reports whether a count may be spent now. Only this function decides that. It is
// pure.
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

// mayNeedToken reports whether the instance may still need a registration token, now or
// after a person's decision: it has no auth token that can be refreshed.
func (s decisionInput) mayNeedToken() bool {
	return s.account.Requested || !s.state.Refreshable()
}

// retryable reports whether every uncertain answer asks for a retry, as the documented 500
// does, and limits.redeem_uncertain_retries allows one.
func (s decisionInput) retryable() bool {
	for _, e := range s.account.RecentUncertain {
		if !e.Retryable {
			return false
		}
	}
	return len(s.account.Open) == 0 && s.account.RetriesUsed <= s.retryLimit
}

// stateOf returns the state of an instance by the store and the ledger.
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

// obstacleText tells people why an ended auth token is not redeemed again; "" if nothing
// prevents it. now is the service's time. It is pure.
func (s decisionInput) obstacleText(held RegistrationToken, has bool, now time.Time) string {
	var texts []string
	if s.state == token.RefreshExpired && s.redeemOnExpiry && s.sincePolicyRedeem < policyInterval {
		last := now.Add(-s.sincePolicyRedeem)
		texts = append(texts, fmt.Sprintf("Regent redeemed it by policy on %s. The next time is possible on %s (once in 30 days)", last.UTC().Format(time.DateOnly), last.Add(policyInterval).UTC().Format(time.DateOnly)))
	}
	switch {
	case has && held.Refused == fault.RegistrationExhausted:
		texts = append(texts, "The registration token has no count left. First register another one: sudo regent register --file FILE")
	case has && held.Refused != "":
		texts = append(texts, "The service refused the registration token. First register another one: sudo regent register --file FILE")
	case !has:
		texts = append(texts, "There is no registration token. First register one: sudo regent register --file FILE")
	}
	return strings.Join(texts, ". ")
}

// autoRetries reports whether Regent retries an uncertain redemption without a person: the
// account allows it, and the instance is wanted.
func (s decisionInput) autoRetries() bool { return s.state == token.Uncertain && s.due() }

// autoRetryText is the text for an uncertain redemption that Regent retries.
const autoRetryText = "the service did not finish the redemption, and asks for a retry. It may have used a count. Regent retries as often as limits.redeem_uncertain_retries allows"

// unredeemedReason returns the code and text for a caller of an unredeemed instance: those
// of its last redemption, or not_registered before the first.
func unredeemedReason(a Account, held RegistrationToken, has bool) (fault.Kind, string) {
	switch {
	case a.CurrentIntent != "" && len(a.RecentUncertain) == 0:
		return fault.StoreUnreadable, fmt.Sprintf("the ledger has auth token %s, but its record is missing in the state directory. Restore the state directory. To use another count instead, run: sudo regent instances redeem %s", a.CurrentIntent, fault.InstancePlaceholder)
	case len(a.RecentUncertain) > 0:
		return fault.RedemptionUncertain, a.RecentUncertain[len(a.RecentUncertain)-1].Words
	case has && held.Refused != "":
		return held.Refused, held.RefusedText
	case (a.Last.Kind == Refused || a.Last.Kind == Unused) && (!has || !a.Last.At.Before(held.ReceivedAt)):
		return a.Last.Code, a.Last.Words
	case a.Last.Kind == Forgotten:
		return fault.NotRegistered, "an administrator deleted its auth token from this device, so Regent does not redeem it again by itself. To use another count, run: sudo regent instances redeem " + a.Last.Instance
	case a.ManualOnly:
		return fault.NotRegistered, "an administrator found that its last redemption used a count, so Regent does not repeat it by itself. To use another count, run: sudo regent instances redeem " + a.Last.Instance
	case has:
		return fault.NotRegistered, "a registration token is stored, but its redemption is not finished yet. Try again later"
	default:
		return fault.NotRegistered, ""
	}
}

// FormAuto is the value of contract.request that begins with the wrapped form. The method
// fallbackForm says when the other form follows.
const FormAuto = "auto"

// nextForm returns the form of a tenant's next redemption, and whether the redemption
// waits for a person. Until a form is proven, Regent redeems only one instance. If a person
// found that the service ignores both forms, Regent redeems none by itself. It is pure.
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
	return doubt, err == nil && other != id && other != e.redeeming // a redemption under way is not uncertain yet
}

// formInput has the facts that decide whether the other form may follow a failed redemption.
type formInput struct {
	request string // contract.request
	form    string // of the failed redemption
	first   bool   // no earlier redemption of the instance is unanswered
	token   string // fingerprint of the registration token
	learned tms.Capabilities
}

// fallbackForm returns the form that may follow the failure f of s at once; "" for none.
// Assumption: if the service answers the first request of a redemption with a 400 in its
// own shape, it made no auth token. Regent then tries the other form once for each tenant
// and registration token, unless the service's words can mean a duplicate or the token
// itself. Only a 400 leads to it. It is pure.
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
// earlier release have no form: it sent bare bodies. They count as proven, so an update
// does not stop a device that has redeemed before. It is pure.
func formsInLedger(entries []Entry) map[string]tms.RequestForm {
	intents, by := map[string]Entry{}, map[string]tms.RequestForm{}
	for _, e := range sinceUnregistered(entries) {
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

// learnFromLedger takes forms from the ledger that no record has: from an earlier release,
// or after a power failure between the two writes.
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
		return fault.Commands(fmt.Sprintf("neither form of a redemption made an auth token that %s lists, so Regent redeems nothing there by itself. Ask the Contact Administrator to check the registration token and the list. To use one more count, run: sudo regent instances redeem %s. If you know the form, set contract.request to it, and contract.request_confirmed: true", tenant, id))
	}
	if l.Proof == tms.Ignored {
		return fmt.Sprintf("%s does not read the %s form, but contract.request selects it. Set contract.request: auto", tenant, l.Form)
	}
	return fmt.Sprintf("%s accepted redemption %s, but its reply does not show the names of this device. Regent redeems no other instance until you confirm it. %s", tenant, l.By, compareHint(l))
}

// blockedText is the text for instances that wait for an uncertain redemption. So a service
// that ignores the body costs one count in all, not one for each instance.
func blockedText(doubt Entry) string {
	return fmt.Sprintf("redemption %s of %s is uncertain, and %s has not yet shown in which form it reads redemptions. Regent redeems no other instance until you resolve it%s", doubt.ID, doubt.Instance, doubt.Tenant, resolveHint(doubt.ID))
}

// compareHint tells a person how to decide about an accepted redemption.
func compareHint(l tms.RequestForm) string {
	next := "With contract.request: auto, Regent then tries the other form, which costs one more count"
	if l.OtherIgnored {
		next = "Regent then redeems nothing more by itself, since both forms were tried"
	}
	return fault.Commands(fmt.Sprintf("Ask the Contact Administrator whether tmsctl auth-token list shows %s. If it does, run: sudo regent ledger resolve %[1]s --listed. If not, run: sudo regent ledger resolve %[1]s --not-listed. %s", l.By, next))
}
