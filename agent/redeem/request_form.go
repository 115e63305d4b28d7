package redeem

import (
	"context"
	"fmt"

	"regent/agent/instance"
	"regent/agent/tms"
)

// FormAuto is the word of contract.request that begins with the wrapped form and
// tries the other one by the rule of [another].
const FormAuto = "auto"

// nextForm returns the form of a tenant's next redemption, and whether the redemption
// waits for a confirmation. Until a form is proven, Regent redeems only one instance.
// opening is pure.
func (p Plan) nextForm(learned tms.RequestForm) (form string, waits bool) {
	auto := p.RequestForm == FormAuto || p.RequestForm == ""
	switch {
	case auto && learned.Form == "":
		return tms.Wrapped, false
	case auto && learned.Proof == tms.Ignored:
		return tms.OtherForm(learned.Form), false
	case auto:
		return learned.Form, learned.Proof == tms.Accepted
	case learned.Form != p.RequestForm:
		return p.RequestForm, false
	}
	return p.RequestForm, learned.Proof == tms.Ignored || learned.Proof == tms.Accepted && !p.RequestConfirmed
}

// formProven reports whether the form of the next redemption is proven, or confirmed for
// all devices. Until it is, a redemption in doubt holds the other instances. It is
// pure.
func (p Plan) formProven(learned tms.RequestForm) bool {
	form, _ := p.nextForm(learned)
	return learned.Form == form && learned.Proven() || p.RequestConfirmed && p.RequestForm == form
}

// blocker returns the redemption in doubt that holds id: the tenant's oldest, of
// another instance, while no form is proven. That other instance itself goes on as
// its own account allows. The caller holds mu.
func (e *Engine) blocker(plan Plan, id instance.ID) (doubt Entry, held bool) {
	doubt, ok := e.oldestUncertain[id.Tenant]
	if !ok || plan.formProven(e.Capabilities.RequestForm(id.Tenant)) {
		return Entry{}, false
	}
	other, err := doubt.InstanceID()
	return doubt, err == nil && other != id && other != e.redeeming // what is under way is no doubt yet
}

// formInput is what decides which form may follow a redemption that failed.
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

// formsInLedger is what a ledger says of the form that each tenant accepted. Intents of
// an earlier release name no form: it sent bare bodies, which are taken as proven,
// so that an update stops no device that has redeemed before. It is pure.
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

// formEvidence is what the outcome e of an intent says of the form in which it was sent.
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

// learnFromLedger learns from the ledger what no record says: of an earlier release, or
// because the power went between the auth token's record and this one.
func (e *Engine) learnFromLedger(ctx context.Context) {
	for tenant, form := range formsInLedger(e.Ledger.Entries()) {
		if e.Capabilities.RequestForm(tenant).Form == "" {
			e.recordCapability(ctx, tenant, func(l *tms.Capabilities) { l.Request = form })
		}
	}
}

// recordCapability changes what a tenant taught. What cannot be written now holds all the
// same, and is written later.
func (e *Engine) recordCapability(ctx context.Context, tenant string, change func(*tms.Capabilities)) {
	if err := e.Capabilities.Update(ctx, tenant, change); err != nil {
		e.Log.WarnContext(ctx, "cannot store the forms of the tenant; regentd retries", "tenant", tenant, "err", err)
	}
}

// unconfirmedText is what is said of instances that wait until a form is proven.
func unconfirmedText(tenant string, l tms.RequestForm) string {
	if l.Proof == tms.Ignored {
		return fmt.Sprintf("%s does not read the %s form, but contract.request selects it; set contract.request: auto", tenant, l.Form)
	}
	return fmt.Sprintf("%s accepted redemption %s, but its reply does not show the names of this device; Regent redeems no other instance until somebody confirms it; %s", tenant, l.By, compareHint(l.By))
}

// blockedText is what is said of instances that wait for a redemption in doubt: a service
// that ignores the body costs one count in all, not one for each instance.
func blockedText(doubt Entry) string {
	return fmt.Sprintf("redemption %s of %s is uncertain, and %s has not yet shown in which form it reads redemptions; Regent redeems no other instance until somebody decides about it%s", doubt.ID, doubt.Instance, doubt.Tenant, resolveHint(doubt.ID))
}

// compareHint is how a person decides about an accepted redemption.
func compareHint(redemption string) string {
	return fmt.Sprintf("ask the Contact Administrator whether tmsctl auth-token list shows %s; if it does, run: regent ledger resolve %[1]s --listed; if not, run: regent ledger resolve %[1]s --not-listed, and Regent tries the other form", redemption)
}
