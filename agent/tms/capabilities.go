package tms

import (
	"maps"
	"slices"
	"time"
)

// Capabilities are the forms that this device learned from one tenant, where the contract
// leaves them open. It contains no secret and costs no count: each answer was
// needed anyway. The zero value is a tenant of which nothing is known yet. The store keeps
// it as JSON.
type Capabilities struct {
	Request RequestForm        `json:"request,omitzero"`
	Tried   map[string]Refusal `json:"tried,omitempty"` // by fingerprint of the registration token; see [Learned.WasRefused]
	Reply   ReplyForm          `json:"reply,omitzero"`
	Refresh RefreshForm        `json:"refresh,omitzero"`
}

// RequestForm is the form of a redemption's body that a tenant accepted.
type RequestForm struct {
	Form  string    `json:"form,omitempty"`  // Wrapped or Bare; "" if none was accepted yet
	Proof Proof     `json:"proof,omitempty"` // how it is known that the service read the body
	By    string    `json:"by,omitempty"`    // the redemption that showed it; "" if none did
	At    time.Time `json:"at,omitzero"`

	OtherIgnored bool `json:"other_ignored,omitempty"` // a person found before that the service ignores the other form
}

// NeitherForm reports whether a person found that the service ignores both forms.
func (r RequestForm) NeitherForm() bool { return r.Proof == Ignored && r.OtherIgnored }

// Proof is the evidence that the service read the body of a redemption. Its text is kept
// in the store.
type Proof string

// The proofs.
const (
	Unproven  Proof = ""         // nothing was accepted in this form yet
	Accepted  Proof = "accepted" // an auth token came, and its reply shows none of our names
	ByReply   Proof = "reply"    // the reply shows our identifier or names in their members
	ByPerson  Proof = "person"   // a person found them in the service's list
	ByRelease Proof = "release"  // an earlier release redeemed in this form, before proof was asked for
	Ignored   Proof = "ignored"  // a person did not find them there: the service does not read this form
)

// Proven reports whether further instances may be redeemed in this form.
func (r RequestForm) Proven() bool {
	return r.Form != "" && (r.Proof == ByReply || r.Proof == ByPerson || r.Proof == ByRelease)
}

// Refusal is a 400 to the first send of a redemption, after which the other form
// was tried.
type Refusal struct {
	Form string    `json:"form"`           // that was refused
	Code string    `json:"code,omitempty"` // the service's, verbatim
	Text string    `json:"text,omitempty"` // the service's, verbatim
	At   time.Time `json:"at"`
}

// ReplyForm is how the last reply with an auth token looked.
type ReplyForm struct {
	Form
	At time.Time `json:"at,omitzero"`
}

// RefreshForm is the mode in which a refresh worked.
type RefreshForm struct {
	Mode string    `json:"mode,omitempty"` // ModeOIDC, ModeTMS or ModeTMSRegistration; "" if none worked yet
	At   time.Time `json:"at,omitzero"`    // when it first worked
}

// maxTried bounds the remembered refusals of registration tokens.
const maxTried = 32

// Clone returns a copy that shares nothing with l.
func (l Capabilities) Clone() Capabilities {
	l.Tried = maps.Clone(l.Tried)
	return l
}

// NoteRedemption notes that a redemption in form was accepted. A form that is proven
// stays so: a later reply without names takes nothing back.
func (l *Capabilities) NoteRedemption(form, redemption string, proof Proof, at time.Time) {
	if l.Request.Form == form && l.Request.Proven() && proof == Accepted {
		return
	}
	otherIgnored := l.Request.OtherIgnored
	if l.Request.Form != form {
		otherIgnored = l.Request.Proof == Ignored
	}
	l.Request = RequestForm{Form: form, Proof: proof, By: redemption, At: at}
	l.Request.OtherIgnored = otherIgnored && !l.Request.Proven()
}

// Shows notes that a later reply showed the identifier of a redemption: the service has
// read its body.
func (l *Capabilities) Shows(redemption string, at time.Time) {
	if redemption != "" && l.Request.By == redemption && l.Request.Proof == Accepted {
		l.Request.Proof, l.Request.At = ByReply, at
	}
}

// WasRefused reports whether the other form was tried for the registration token
// with the fingerprint: it is tried once.
func (l Capabilities) WasRefused(fingerprint string) bool {
	_, tried := l.Tried[fingerprint]
	return tried
}

// NoteRefusal notes why the other form is tried for a registration token. Beyond
// [maxTried] the oldest goes.
func (l *Capabilities) NoteRefusal(fingerprint string, r Refusal) {
	if l.Tried == nil {
		l.Tried = map[string]Refusal{}
	}
	l.Tried[fingerprint] = r
	for len(l.Tried) > maxTried {
		delete(l.Tried, slices.MinFunc(slices.Sorted(maps.Keys(l.Tried)), func(a, b string) int {
			return l.Tried[a].At.Compare(l.Tried[b].At)
		}))
	}
}

// NoteReply notes how a reply with an auth token looked. An identity provider's
// has no form, and teaches nothing.
func (l *Capabilities) NoteReply(f Form, at time.Time) {
	if f != (Form{}) && f != l.Reply.Form {
		l.Reply = ReplyForm{Form: f, At: at}
	}
}

// NoteRefresh notes that a refresh in mode worked. The time is that of the first
// one: a mode that works on is not written again.
func (l *Capabilities) NoteRefresh(mode string, at time.Time) {
	if l.Refresh.Mode != mode {
		l.Refresh = RefreshForm{Mode: mode, At: at}
	}
}

// OtherForm is the other form of a request's body.
func OtherForm(form string) string {
	if form == Bare {
		return Wrapped
	}
	return Bare
}
