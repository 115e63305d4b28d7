package refresh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/timing"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// ModeAuto is refresh.mode: auto. The engine then tries the modes at a tenant, and keeps the
// first one that works.
const ModeAuto = "auto"

// ModeInput has the facts that decide the mode of a refresh.
type ModeInput struct {
	Configured string // refresh.mode
	Working    string // the mode that has worked at the tenant; "" if none is known
	// RefreshedBefore says that an earlier version, which did not store the mode, has
	// refreshed an auth token of the tenant. It counts only if no mode is known.
	RefreshedBefore bool
	// NoTokenID says that the service gave the auth token no id. Then it cannot be
	// refreshed at the service itself.
	NoTokenID bool
	Refused   []Refusal // the refusals of this refresh token since the first try
}

// Refusal is the answer of the service to a try in a mode.
type Refusal struct {
	Mode    string
	Failure *tms.Failure
}

// modes returns the modes that may be tried, in their order.
func (k ModeInput) modes() []string {
	switch {
	case k.Configured != ModeAuto:
		return []string{k.Configured}
	case k.hasAutoMode():
		return []string{k.Working}
	case k.NoTokenID:
		return []string{tms.ModeOIDC}
	}
	return []string{tms.ModeOIDC, tms.ModeTMS}
}

// hasAutoMode reports whether a mode that [ModeAuto] may choose has worked. Only a person
// chooses tms_registration.
func (k ModeInput) hasAutoMode() bool { return k.Working == tms.ModeOIDC || k.Working == tms.ModeTMS }

// Next returns the mode to try now, or "" if the service refused all modes. It is pure.
func (k ModeInput) Next() string {
	for _, mode := range k.modes() {
		if !slices.ContainsFunc(k.Refused, func(r Refusal) bool { return r.Mode == mode }) {
			return mode
		}
	}
	return ""
}

// Proven reports whether the mode to try has worked at the tenant before. Only then may a
// refusal end an auth token. A configured mode counts as proven if an earlier version, which
// stored no mode, has refreshed here. It is pure.
func (k ModeInput) Proven() bool {
	if k.Configured == ModeAuto {
		return k.hasAutoMode()
	}
	return k.Working == k.Configured || k.Working == "" && k.RefreshedBefore
}

// isRefusal reports whether an answer is a refusal, so that the other mode follows. A 4xx in
// the service's shape is one. A 404 or 405 is one in any shape, since a service may answer so
// at an unknown path. The page of a gateway or a captive portal is none.
func isRefusal(f *tms.Failure) bool {
	switch {
	case f.Reach != tms.Answered || f.Refused:
		return false
	case f.Status == 408 || f.Status == 429 || fromProxy(f):
		return false
	}
	return f.Status == 404 || f.Status == 405 || f.Status >= 400 && f.Status < 500 && f.ServiceShape
}

// fromProxy reports whether a status always comes from a system in front of the service.
func fromProxy(f *tms.Failure) bool { return f.Status == 407 || f.Status == 425 }

// fromService reports whether a refusal can come from the service. A captive portal also
// refuses, but not in the service's shape.
func fromService(r Refusal) bool {
	return r.Failure.ServiceShape || r.Failure.Status == 404 || r.Failure.Status == 405
}

// unprovenVerdict is the verdict on a refresh token that was refused in all modes while no
// mode is proven. Regent keeps the token even after its announced lifetime: the service may
// refuse the form of the request, not the token. It is pure.
func (k ModeInput) unprovenVerdict(e Evidence) Verdict {
	i := slices.IndexFunc(k.Refused, fromService)
	switch {
	case i < 0:
		return Classify(k.Refused[len(k.Refused)-1].Failure, e)
	case e.Before.AnswerMissing() && e.HasPrevious && !e.Before.PreviousTried:
		return tryPreviousVerdict()
	case k.Configured == ModeAuto && k.Working == "" && k.RefreshedBefore:
		// One of the two modes has worked before, but both refuse now.
		return refusalVerdict(k.Refused[i].Failure, e)
	}
	words := make([]string, len(k.Refused))
	for i, r := range k.Refused {
		words[i] = fmt.Sprintf("%s answered HTTP %d, %s", status.ModeText(r.Mode), r.Failure.Status, r.Failure.ServiceWords())
	}
	text := fmt.Sprintf("%s refuses to refresh, and no refresh mode is proven: %s", k.Refused[i].Failure.Host, strings.Join(words, "; "))
	text += ". Regent keeps the auth token and retries. "
	if k.Configured != ModeAuto {
		text += "refresh.mode: " + k.Configured + " has not worked at this tenant yet. refresh.mode: auto also tries the other mode. "
	}
	return Verdict{State: token.Stale, Code: fault.RefreshUncertain, Text: text + "To see the refresh modes of the tenant, run: " + fault.Commands("sudo regent doctor --contract")}
}

// tryModes refreshes in the mode that has worked at the tenant. If no mode has worked yet, it
// tries the other mode after a refusal.
func (e *Engine) tryModes(ctx context.Context, s Service, r tokenstore.Record, older bool) (refreshAnswer, Verdict, error) {
	k, before := e.modeInput(r), r.Attempt
	r, err := e.beginAttempt(ctx, r, older)
	if err != nil {
		return refreshAnswer{}, localVerdict(err), err
	}
	for {
		a, err := e.send(ctx, s, r, k, older)
		if err == nil {
			e.updatePending(r.ID, func(p *pending) { p.refused = nil })
			return a, Verdict{}, nil
		}
		f, ok := errors.AsType[*tms.Failure](err)
		v := Verdict{State: token.Stale, Code: fault.Unavailable, AnswerMissing: true, Text: "the client failed"}
		switch {
		case ok && !k.Proven() && isRefusal(f):
			k.Refused = append(k.Refused, Refusal{k.Next(), f})
			if k.Next() != "" {
				e.countExtraRequest(r.ID.Tenant)
				continue
			}
			v, k.Refused = k.unprovenVerdict(e.evidence(r, before, older)), nil
		case ok:
			v = Classify(f, e.evidence(r, before, older))
		}
		v.SentPrevious = older
		e.updatePending(r.ID, func(p *pending) { p.refused = k.Refused })
		return refreshAnswer{}, v, err
	}
}

// beginAttempt stores the attempt before a request is sent. So a lost answer leaves
// evidence, even if this process ends.
func (e *Engine) beginAttempt(ctx context.Context, r tokenstore.Record, older bool) (tokenstore.Record, error) {
	r, err := e.Tokens.Update(ctx, r, func(r *tokenstore.Record) {
		if r.Attempt.Open {
			r.Attempt.Unanswered++ // the process ended during the previous one
		}
		r.Attempt.Open = true
		r.Attempt.PreviousTried = r.Attempt.PreviousTried || older
		r.Attempt.At = e.Clock.Wall()
	})
	if err == nil {
		e.Pauses.Device.Clear(timing.CauseStore)
	}
	return r, err
}

// send sends one refresh, with the present refresh token or the older one.
func (e *Engine) send(ctx context.Context, s Service, r tokenstore.Record, k ModeInput, older bool) (refreshAnswer, error) {
	send, provider, mode := r.Refresh, r.Provider, k.Next()
	if older {
		send = r.PreviousRefresh
	}
	if k.Configured == ModeAuto {
		provider.ClientID = provider.ClientFor(send)
	}
	answer, err := s.Refresh(ctx, tms.RefreshRequest{
		Mode: mode, Provider: provider, AuthTokenID: r.AuthTokenID, Identifier: r.Identifier, Refresh: send, Registration: e.registration(r),
		Known: []token.Secret{r.Access, r.Refresh, r.PreviousRefresh}, Mask: r.Mask,
	})
	if err != nil {
		return refreshAnswer{}, err
	}
	return refreshAnswer{
		base: r, sent: send, mode: mode, token: answer,
		life: tokenstore.NewLifetime(e.Clock, answer.TTL), refreshLife: tokenstore.NewLifetime(e.Clock, answer.RefreshTTL),
		receivedAt: e.ServiceTime(r.ID.Tenant),
	}, nil
}

// modeInput collects the facts that decide the mode for r.
func (e *Engine) modeInput(r tokenstore.Record) ModeInput {
	k := ModeInput{Configured: e.Mode(), Working: e.Capabilities.Get(r.ID.Tenant).Refresh.Mode, NoTokenID: r.AuthTokenID == ""}
	if k.Working == "" {
		k.RefreshedBefore = slices.ContainsFunc(e.Tokens.List(), func(o tokenstore.Record) bool {
			// A second redemption also raises the generation, but sets RedeemedAt.
			return o.ID.Tenant == r.ID.Tenant && o.Generation > 1 && o.RedeemedAt.IsZero()
		})
	}
	if k.Refused = slices.Clone(e.pendingOf(r.ID).refused); k.Next() == "" {
		k.Refused = nil // refresh.mode has changed
	}
	return k
}
