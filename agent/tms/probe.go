package tms

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"regent/agent/tms/contract"
	"regent/agent/token"
)

// Probe has a tenant's answers to requests with made-up secrets. Each failure is a
// refusal and evidence; nil is a request that was not sent. None can have used a count: a
// registration token that was made up has none.
type Probe struct {
	Discovery *Failure // nil if it worked
	Members   string   // where the provider's members stand in the answer, if it worked
	Path      string   // below which it was asked

	OIDC *Failure // a refresh by a made-up refresh token at the provider

	Refresh HeaderRefusals // of a made-up auth token, at the service
	Redeem  HeaderRefusals
}

// HeaderRefusals are the refusals of one request: without Authorization, and with a
// made-up secret in each form (Basic, BasicEncoded, Bearer).
type HeaderRefusals struct {
	Plain  *Failure
	ByForm map[string]*Failure
}

// errGranted means that the server accepted a made-up secret.
var errGranted = errors.New("the server accepted a made-up secret, so it is not the service")

// Probe asks the tenant which of the open forms it answers to, with madeUp in
// place of every secret. It is about ten requests, one after the other.
func (c *Client) Probe(ctx context.Context, madeUp token.Secret) Probe {
	p := Probe{Path: c.o.Forms.Path}
	provider, err := c.discover(ctx, func(a Answer) { p.Members = MembersOfProvider(a.Body) })
	if err != nil {
		p.Discovery, _ = errors.AsType[*Failure](err)
		return p
	}
	_, err = c.Grant(ctx, "probe", provider, []Pair{{Name: "grant_type", Value: "refresh_token"}, {Name: "refresh_token", Secret: madeUp}})
	p.OIDC = c.refusal(err)

	p.Refresh = c.probeHeaders(ctx, Call{Op: "probe", Method: http.MethodPatch, Path: pathAuth + "/regent-doctor"}, madeUp)
	p.Redeem = c.probeHeaders(ctx, Call{Op: "probe", Method: http.MethodPost, Path: pathAuth, JSON: Request{Identifier: "regent-doctor"}.body()}, madeUp)
	return p
}

// probeHeaders makes a call without Authorization, and in each form of it.
func (c *Client) probeHeaders(ctx context.Context, call Call, madeUp token.Secret) HeaderRefusals {
	s := HeaderRefusals{Plain: c.refusal(c.Do(ctx, call)), ByForm: map[string]*Failure{}}
	for _, form := range contract.Headers() {
		shown := call
		Forms{Authorization: form}.authorize(&shown, madeUp)
		s.ByForm[form] = c.refusal(c.Do(ctx, shown))
	}
	return s
}

// refusal is the evidence that err is. No error is the strangest of all.
func (c *Client) refusal(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{Op: "probe", Host: c.tenant.Host, Reach: Lost, Err: errGranted}
}

// Findings are the rows of the contract that a probe shows, and the replies that were
// seen before. It is pure.
func (p Probe) Findings(seen []Form) contract.Findings {
	found := contract.Findings{
		contract.RedeemReply: seenIn(seen, Form.reply),
		contract.AccessName:  seenIn(seen, func(f Form) string { return f.AccessToken }),
	}
	if p.Discovery != nil {
		unknown := contract.Observation{Why: "the service does not answer as it should: " + p.Discovery.Error()}
		found[contract.BasePath], found[contract.RefreshMode], found[contract.RegistrationHeader] = unknown, unknown, unknown
		return found
	}
	found[contract.BasePath] = contract.Observation{Answers: []string{p.Path}, Why: "idpConfigurations is there"}
	found[contract.RefreshMode], found[contract.RegistrationHeader] = p.modes(), p.headers()
	found.Set(contract.Discovery, p.Members)
	if f := p.Redeem.Plain; f != nil && f.Reach == Answered {
		found.Set(contract.ErrorShape, f.Shape)
	}
	return found
}

func (p Probe) modes() contract.Observation {
	v := contract.Observation{Why: "these modes refused a made-up token, not the request"}
	if f := p.OIDC; f != nil && f.Reach == Answered && f.Code == "invalid_grant" {
		v.Answers = append(v.Answers, ModeOIDC)
	}
	byToken, headers := p.Refresh.understood(contract.Bearer), p.headers().Answers
	if byToken {
		v.Answers = append(v.Answers, ModeTMS)
	}
	if slices.ContainsFunc(headers, p.Refresh.understood) {
		v.Answers = append(v.Answers, ModeTMSRegistration)
	}
	switch {
	case len(v.Answers) == 0:
		v.Why = "the service answers the same to a made-up token and to none, in each refresh mode"
	case byToken && slices.Equal(headers, []string{contract.Bearer}):
		v.Why += "; both modes of the service show a token after Bearer, so that a made-up one cannot distinguish them"
	}
	return v
}

func (p Probe) headers() contract.Observation {
	v := contract.Observation{Why: "only in these forms the service answers differently to a made-up registration token and to none"}
	v.Answers = slices.DeleteFunc(contract.Headers(), func(form string) bool { return !p.Redeem.understood(form) })
	switch len(v.Answers) {
	case 0:
		v.Why = "the service answers the same to a made-up registration token and to none, in each form"
	case 1:
	default:
		v.Why += "; only a real one could distinguish them, and would cost a count"
	}
	return v
}

// understood reports whether the service read the secret in a form. It did if the refusal
// is its own, and differs from the refusal without a secret.
func (s HeaderRefusals) understood(form string) bool {
	shown, plain := s.ByForm[form], s.Plain
	if shown == nil || plain == nil || shown.Reach != Answered || plain.Reach != Answered || !shown.ServiceShape {
		return false
	}
	switch shown.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusNotFound:
		return shown.Status != plain.Status || shown.Code != plain.Code || shown.Message != plain.Message
	}
	return false
}

// seenIn says which word the replies that were seen have.
func seenIn(seen []Form, word func(Form) string) contract.Observation {
	if len(seen) == 0 {
		return contract.Observation{} // the row says when
	}
	v := contract.Observation{Why: "seen in auth tokens of this device"}
	for _, f := range seen {
		if !slices.Contains(v.Answers, word(f)) {
			v.Answers = append(v.Answers, word(f))
		}
	}
	return v
}
