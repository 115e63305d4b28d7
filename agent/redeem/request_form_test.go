package redeem

import (
	"encoding/json"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"regent/agent/tms"
)

// TestNextForm: until a form is proven, one instance is redeemed and no more.
func TestNextForm(t *testing.T) {
	l := func(form string, p tms.Proof) tms.RequestForm { return tms.RequestForm{Form: form, Proof: p} }
	tests := []struct {
		request   string
		confirmed bool
		learned   tms.RequestForm
		form      string
		waits     bool
	}{
		{FormAuto, false, tms.RequestForm{}, tms.Wrapped, false},
		{"", false, tms.RequestForm{}, tms.Wrapped, false},
		{FormAuto, false, l(tms.Wrapped, tms.Accepted), tms.Wrapped, true},
		{FormAuto, true, l(tms.Wrapped, tms.Accepted), tms.Wrapped, true},
		{FormAuto, false, l(tms.Wrapped, tms.ByReply), tms.Wrapped, false},
		{FormAuto, false, l(tms.Bare, tms.Accepted), tms.Bare, true},
		{FormAuto, false, l(tms.Bare, tms.ByReply), tms.Bare, false},
		{FormAuto, false, l(tms.Bare, tms.ByPerson), tms.Bare, false},
		{FormAuto, false, l(tms.Bare, tms.ByRelease), tms.Bare, false},
		{FormAuto, false, l(tms.Wrapped, tms.Ignored), tms.Bare, false},
		{FormAuto, false, l(tms.Bare, tms.Ignored), tms.Wrapped, false},
		{tms.Bare, false, tms.RequestForm{}, tms.Bare, false},
		{tms.Bare, false, l(tms.Bare, tms.Accepted), tms.Bare, true},
		{tms.Bare, true, l(tms.Bare, tms.Accepted), tms.Bare, false},
		{tms.Bare, false, l(tms.Bare, tms.ByPerson), tms.Bare, false},
		{tms.Bare, false, l(tms.Wrapped, tms.ByReply), tms.Bare, false},
		{tms.Bare, false, l(tms.Wrapped, tms.Accepted), tms.Bare, false},
		{tms.Wrapped, false, l(tms.Wrapped, tms.Ignored), tms.Wrapped, true},
		{tms.Wrapped, true, l(tms.Wrapped, tms.Ignored), tms.Wrapped, true},
	}
	for _, tt := range tests {
		p := Plan{RequestForm: tt.request, RequestConfirmed: tt.confirmed}
		if form, waits := p.nextForm(tt.learned); form != tt.form || waits != tt.waits {
			t.Errorf("contract.request %q, confirmed %t, learned %+v: got %s, waits %t", tt.request, tt.confirmed, tt.learned, form, waits)
		}
	}
}

func refused400(code, text string) *tms.Failure {
	body, err := json.Marshal(map[string]string{"errorCode": code, "errorMessage": text})
	if err != nil {
		panic(err)
	}
	return &tms.Failure{Reach: tms.Answered, Status: 400, ServiceShape: true, Code: code, Message: text, AboutForm: tms.AboutForm(body, nil), Err: errors.New("x")}
}

// formRefusals are refusals that can only be about the body, as far as a text tells.
var formRefusals = []*tms.Failure{
	refused400("", "Invalid request body."),
	refused400("BAD_REQUEST", ""),
	refused400("40012", "Unrecognized field \"identifier\""),
	refused400("INVALID_JSON", "An unexpected member was encountered at line 1."),
	refused400("E17", "authToken is mandatory."),
	refused400("", "Property 'identifier' does not exist."),
	refused400("", "Missing required member: authToken"),
}

// explainedRefusals are refusals that are about the registration token, or may be.
var explainedRefusals = []*tms.Failure{
	refused400("DUPLICATE", "x"),
	refused400("", "An auth token with this identifier already exists."),
	refused400("AuthTokenNotUnique", ""),
	refused400("", "The identifier is in use."),
	refused400("", "The count of the registration token is 0."),
	refused400("countExceeded", ""),
	refused400("", "No more auth tokens can be created."),
	refused400("", "Maximum number of tokens reached"),
	refused400("", "The registration token was used up."),
	refused400("", "The token has EXPIRED."),
	refused400("tokenExpiry", ""),
	refused400("", "The registration token is disabled."),
	refused400("", "The registration token is not enabled."),
	refused400("", "Token is inactive"),
}

func TestFallbackForm(t *testing.T) {
	good := formInput{request: FormAuto, form: tms.Wrapped, first: true, token: "a"}
	for _, f := range formRefusals {
		if got := good.fallbackForm(f); got != tms.Bare {
			t.Errorf("%s %q: got %q, want the other form", f.Code, f.Message, got)
		}
	}
	for _, f := range explainedRefusals {
		if got := good.fallbackForm(f); got != "" {
			t.Errorf("%s %q: got %q, want none", f.Code, f.Message, got)
		}
	}
	with := func(change func(*formInput)) formInput {
		s := good
		change(&s)
		return s
	}
	learned := func(form string, p tms.Proof) func(*formInput) {
		return func(s *formInput) { s.learned.Request = tms.RequestForm{Form: form, Proof: p} }
	}
	for name, s := range map[string]formInput{
		"wrapped is configured":            with(func(s *formInput) { s.request = tms.Wrapped }),
		"an earlier send is unanswered":    with(func(s *formInput) { s.first = false }),
		"it was tried for this token":      with(func(s *formInput) { s.learned.NoteRefusal("a", tms.Refusal{}) }),
		"the form is proven":               with(learned(tms.Wrapped, tms.ByReply)),
		"a person confirmed it":            with(learned(tms.Wrapped, tms.ByPerson)),
		"the form was accepted":            with(learned(tms.Wrapped, tms.Accepted)),
		"the other form is known as wrong": with(learned(tms.Bare, tms.Ignored)),
	} {
		if got := s.fallbackForm(formRefusals[0]); got != "" {
			t.Errorf("%s: got %q, want none", name, got)
		}
	}
	for name, s := range map[string]formInput{
		"bare was first":                with(func(s *formInput) { s.form = tms.Bare }),
		"it was tried for another":      with(func(s *formInput) { s.learned.NoteRefusal("b", tms.Refusal{}) }),
		"this form is known as ignored": with(learned(tms.Wrapped, tms.Ignored)),
	} {
		if got := s.fallbackForm(formRefusals[0]); got != tms.OtherForm(s.form) {
			t.Errorf("%s: got %q, want the other form", name, got)
		}
	}
}

// TestFallbackFormProperty: nothing but a 400 in the service's shape leads to a second
// form, and never twice for a registration token.
func TestFallbackFormProperty(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := formInput{
			request: rapid.SampledFrom([]string{FormAuto, "", tms.Wrapped, tms.Bare}).Draw(r, "request"),
			form:    rapid.SampledFrom([]string{tms.Wrapped, tms.Bare}).Draw(r, "form"),
			first:   rapid.Bool().Draw(r, "first"),
			token:   "a",
		}
		s.learned.Request = tms.RequestForm{
			Form:  rapid.SampledFrom([]string{"", tms.Wrapped, tms.Bare}).Draw(r, "learned"),
			Proof: rapid.SampledFrom([]tms.Proof{tms.Unproven, tms.Accepted, tms.ByReply, tms.ByPerson, tms.ByRelease, tms.Ignored}).Draw(r, "proof"),
		}
		f := &tms.Failure{
			Reach:        rapid.SampledFrom([]tms.Reach{tms.NotSent, tms.Lost, tms.Answered}).Draw(r, "reach"),
			Status:       rapid.SampledFrom([]int{0, 200, 400, 401, 403, 404, 409, 415, 422, 429, 500, 503}).Draw(r, "status"),
			ServiceShape: rapid.Bool().Draw(r, "shape"),
			AboutForm:    rapid.Bool().Draw(r, "about the form"),
		}
		other := s.fallbackForm(f)
		if other == "" {
			return
		}
		if other == s.form || f.Status != 400 || f.Reach != tms.Answered || !f.ServiceShape || !f.AboutForm || !s.first || s.request == tms.Wrapped || s.request == tms.Bare || s.learned.Request.Proven() {
			r.Errorf("%+v after %+v: %s", s, f, other)
		}
		s.learned.NoteRefusal(s.token, tms.Refusal{})
		if s.fallbackForm(f) != "" {
			r.Error("it is tried twice")
		}
	})
}

// TestFormsInLedger: what a ledger says, of this release and of earlier ones.
func TestFormsInLedger(t *testing.T) {
	const tenant = "demo-host.com"
	intent := func(form string) Entry { return Entry{Kind: Intent, ID: "1", Tenant: tenant, Form: form} }
	out := func(k Kind, change func(*Entry)) Entry {
		e := Entry{Kind: k, ID: "1", Tenant: tenant}
		if change != nil {
			change(&e)
		}
		return e
	}
	yes := func(e *Entry) { e.Consumed = true }
	quiet := func(e *Entry) { e.Unconfirmed = true }
	tests := []struct {
		name    string
		entries []Entry
		form    string
		proof   tms.Proof
	}{
		{"nothing", nil, "", ""},
		{"an intent alone", []Entry{intent(tms.Wrapped)}, "", ""},
		{"refused", []Entry{intent(tms.Wrapped), out(Refused, nil)}, "", ""},
		{"an earlier release", []Entry{intent(""), out(Confirmed, nil)}, tms.Bare, tms.ByRelease},
		{"shown", []Entry{intent(tms.Wrapped), out(Confirmed, nil)}, tms.Wrapped, tms.ByReply},
		{"not shown", []Entry{intent(tms.Bare), out(Confirmed, quiet)}, tms.Bare, tms.Accepted},
		{"confirmed by a person", []Entry{intent(tms.Bare), out(Confirmed, quiet), out(Compared, yes)}, tms.Bare, tms.ByPerson},
		{"not in the list", []Entry{intent(tms.Bare), out(Confirmed, quiet), out(Compared, nil)}, tms.Bare, tms.Ignored},
		{"uncertain, and in the list", []Entry{intent(tms.Wrapped), out(Uncertain, nil), out(Resolved, yes)}, tms.Wrapped, tms.ByPerson},
		{"uncertain, and not in the list", []Entry{intent(tms.Wrapped), out(Uncertain, nil), out(Resolved, nil)}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := formsInLedger(tt.entries)[tenant]; got.Form != tt.form || got.Proof != tt.proof {
				t.Errorf("got %+v", got)
			}
		})
	}
}
