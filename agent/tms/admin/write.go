package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"regent/agent/tms"
)

// send makes a call with a body. As long as no form is proven, it is wrapped first.
// If the service refuses that form, and undone has no error, the body is sent bare,
// once. It returns the form that was sent last.
func (s *Session) send(ctx context.Context, call tms.Call, body func(form string) any, undone func() error) (string, error) {
	form := s.BodyForm()
	auto := form == tms.Auto
	if auto {
		form = tms.Wrapped
	}
	call.JSON = body(form)
	err := s.do(ctx, call)
	refused, ok := errors.AsType[*tms.Failure](err)
	if !auto || !ok || !refused.FormRefused() {
		if ok {
			refused.Form = form
		}
		return form, err
	}
	if doubt := undone(); doubt != nil {
		return form, fmt.Errorf("%w, and a bare body is not tried: %w", err, doubt)
	}
	call.JSON = body(tms.Bare)
	if err := s.do(ctx, call); err != nil {
		return tms.Bare, fmt.Errorf("%w to a bare body (to a wrapped one before: %d %s %q)", err, refused.Status, refused.Code, refused.Message)
	}
	return tms.Bare, nil
}

// OutcomeUnknown reports whether a failed call may have had its effect. No readable
// answer came, or the service or a proxy failed meanwhile. A proxy may answer after the
// service has done it, except with 407, 429 and 511.
func OutcomeUnknown(err error) bool {
	f, ok := errors.AsType[*tms.Failure](err)
	switch {
	case !ok || f.Reach == tms.NotSent:
		return false
	case f.Reach == tms.Lost:
		return true
	case f.Status == http.StatusProxyAuthRequired || f.Status == http.StatusTooManyRequests || f.Status == http.StatusNetworkAuthenticationRequired:
		return false
	case f.Status == http.StatusUnauthorized && f.Challenge:
		return false
	}
	return f.Status >= http.StatusInternalServerError || !f.ServiceShape
}

// MismatchError means that the service did not do as asked, or does not show its result.
type MismatchError struct {
	Text       string // the differences
	Unchanged  bool   // nothing was changed: the body may have had a form that the service ignores
	Unverified string // the member without a visible change, in words; "" if the service shows all
	Form       string // of the body
}

var _ error = (*MismatchError)(nil)

// Error describes the differences.
func (e *MismatchError) Error() string { return e.Text }

// TokenNotShownError means that a registration token is there, and that the service shows
// its token nowhere.
type TokenNotShownError struct{ ID string }

var _ error = (*TokenNotShownError)(nil)

// Error says how to go on.
func (e *TokenNotShownError) Error() string {
	return fmt.Sprintf("the service created registration token %[1]s, but does not show the token in any member that is known. "+
		"Look for it on the service's pages. If it is not there, delete this one before you make another: tmsctl registration-token delete %[1]s", e.ID)
}

// CreateRegistrationToken makes one. It is never asked for twice: if the answer is lost,
// it is looked up in the list. If Check refuses it, nothing is sent, and the error is not
// a *tms.Failure. After a *[MismatchError] the registration token is there, and is
// returned too. After a *[TokenNotShownError] it is there without its token.
func (s *Session) CreateRegistrationToken(ctx context.Context, n NewRegistrationToken, now time.Time) (RegistrationToken, error) {
	if err := n.Check(now); err != nil {
		return RegistrationToken{}, err
	}
	var r RegistrationToken
	read := func(a tms.Answer) (err error) {
		r, err = registrationIn(a)
		r = s.remember(r)
		return err
	}
	call := tms.Call{Op: "create registration token", Method: http.MethodPost, Path: pathRegistration, Read: read}
	form, err := s.send(ctx, call, n.body, func() error {
		_, made, err := s.findCreated(ctx, n)
		if _, hidden := errors.AsType[*TokenNotShownError](err); made || hidden {
			err = fmt.Errorf("registration token %s exists already, and may be unused", n.Identifier)
		}
		return err
	})
	if err != nil {
		return s.lookUpCreated(ctx, n, err)
	}
	r = s.fetchToken(ctx, r)
	if text := n.differences(r); text != "" {
		err = &MismatchError{Text: tms.Redact(text, s.known()...), Unchanged: r.Identifier != n.Identifier, Form: form}
	} else {
		s.form.Store(&form)
	}
	if r.Token.IsZero() {
		err = errors.Join(&TokenNotShownError{r.ID}, err)
	}
	return r, err
}

// lookUpCreated looks for the registration token of a failed creation, if err leaves open
// whether the service made it.
func (s *Session) lookUpCreated(ctx context.Context, n NewRegistrationToken, err error) (RegistrationToken, error) {
	if !OutcomeUnknown(err) {
		return RegistrationToken{}, err
	}
	r, made, lookErr := s.findCreated(ctx, n)
	if lookErr == nil && made {
		r.Found = true
		return r, nil
	}
	if hidden, ok := errors.AsType[*TokenNotShownError](lookErr); ok {
		err = fmt.Errorf("%w (%w)", hidden, err)
	}
	return RegistrationToken{}, err
}

// fetchToken fetches values that the reply to a creation does not show.
func (s *Session) fetchToken(ctx context.Context, r RegistrationToken) RegistrationToken {
	if r.Identifier != "" && !r.Token.IsZero() {
		return r
	}
	is, err := s.RegistrationToken(ctx, r.ID)
	switch {
	case err != nil: // then it is not shown
		return r
	case r.Identifier != "":
		r.Token = is.Token
		return r
	case !r.Token.IsZero():
		is.Token = r.Token
	}
	return is
}

// findCreated looks for one that is as n asks, and of which no used count is known. It reports false if there
// is none. It is an error if there are several, or if the token is not shown.
func (s *Session) findCreated(ctx context.Context, n NewRegistrationToken) (r RegistrationToken, made bool, err error) {
	list, err := s.RegistrationTokens(ctx, RegistrationFilter{Identifier: n.Identifier})
	if err != nil {
		return r, false, err
	}
	list = slices.DeleteFunc(list, func(r RegistrationToken) bool {
		return r.Flaw != "" || r.Used != 0 || r.State == StateDisabled || n.differences(r) != ""
	})
	switch {
	case len(list) == 0:
		return r, false, nil
	case len(list) > 1:
		return r, false, fmt.Errorf("%d registration tokens that may be unused are named %s", len(list), n.Identifier)
	case !list[0].Token.IsZero():
		return list[0], true, nil
	}
	if r, err = s.RegistrationToken(ctx, list[0].ID); err == nil && r.Token.IsZero() {
		err = &TokenNotShownError{list[0].ID}
	}
	return r, err == nil, err
}

// differences describes how r differs from the request. A value that the service does not
// show does not differ.
func (n NewRegistrationToken) differences(r RegistrationToken) string {
	day := midnight(n.Expires)
	switch {
	case r.Identifier != n.Identifier:
		return fmt.Sprintf("you asked for identifier %q, the service says %q", n.Identifier, r.Identifier)
	case r.Count != n.Count:
		return fmt.Sprintf("you asked for count %d, the service says %d", n.Count, r.Count)
	case !r.Expires.IsZero() && !r.Expires.Equal(day):
		return fmt.Sprintf("you asked for last day %s, the service says %s", day.Format(time.DateOnly), r.Expires.Format(time.DateOnly))
	}
	return ""
}

// Change has the new values of a registration token; nil keeps a value.
type Change struct {
	Count   *int
	Expires *time.Time // only the date in UTC counts
	Enabled *bool
}

// ErrChanged means that somebody else changed a registration token between our
// look at it and our change, which was not made.
var ErrChanged = errors.New("somebody else changed it meanwhile; tmsctl changed nothing")

// WithChange is the registration token as a change would leave it.
func (r RegistrationToken) WithChange(c Change) RegistrationToken {
	if c.Count != nil {
		r.Count = *c.Count
	}
	if c.Expires != nil {
		r.Expires, r.Ends, r.Never = midnight(*c.Expires), time.Time{}, false
	}
	if c.Enabled != nil {
		r.State = StateIf(*c.Enabled)
	}
	return r
}

// same reports whether two states of one are equal in all that can be changed.
func (r RegistrationToken) same(as RegistrationToken) bool {
	return r.Count == as.Count && r.Expires.Equal(as.Expires) && r.State == as.State
}

// UpdateRegistrationToken changes was, which the caller has read, and returns the new
// state at the service. It sends a PATCH and reads the result back, since the service may
// add a number to the old one. If that is not was.With(c), the error is a
// *[MismatchError]. If the service gives versions and was is outdated, the error is
// [ErrChanged].
func (s *Session) UpdateRegistrationToken(ctx context.Context, was RegistrationToken, c Change) (RegistrationToken, error) {
	form, err := s.send(ctx, tms.Call{
		Op: "change registration token", Method: http.MethodPatch,
		Path: pathRegistration + "/" + url.PathEscape(was.ID), IfMatch: was.Version,
	}, func(form string) any { return c.body(was, form) }, func() error { return nil })
	if f, ok := errors.AsType[*tms.Failure](err); ok && f.Reach == tms.Answered && f.Status == http.StatusPreconditionFailed {
		return RegistrationToken{}, fmt.Errorf("%w (%w)", ErrChanged, f)
	}
	if err != nil && !OutcomeUnknown(err) {
		return RegistrationToken{}, err
	}
	is, readErr := s.RegistrationToken(ctx, was.ID)
	switch {
	case err != nil && (readErr != nil || is.same(was)):
		return RegistrationToken{}, err
	case readErr != nil:
		return RegistrationToken{}, fmt.Errorf("the service accepted the change, but it cannot be read back: %w", readErr)
	case !is.same(is.withoutHidden(was.WithChange(c))):
		return is, &MismatchError{Text: was.changeResult(c, is), Unchanged: is.same(was), Form: form}
	}
	if member, why := is.unverified(c); member != "" {
		return is, &MismatchError{Text: "the service accepted the change, but " + why, Unverified: member, Form: form}
	}
	s.form.Store(&form)
	return is, nil
}

// withoutHidden is want without the members that the service does not tell of r.
func (r RegistrationToken) withoutHidden(want RegistrationToken) RegistrationToken {
	if r.State != StateEnabled && r.State != StateDisabled {
		want.State = r.State
	}
	if r.Expires.IsZero() && !r.Never {
		want.Expires = r.Expires
	}
	return want
}

// unverified names the member of a change that the service does not show of r, and says why
// it is not known. The member is "" if it shows all.
func (r RegistrationToken) unverified(c Change) (member, why string) {
	switch {
	case c.Enabled != nil && r.State == StateMissing:
		return "state", "it does not show whether the registration token is enabled"
	case c.Enabled != nil && r.State == StateUnknown:
		return "state", fmt.Sprintf("it shows the state %q, which tmsctl does not know", r.Status)
	case c.Expires != nil && r.Expires.IsZero() && !r.Never:
		return "last day", "it does not show the last day"
	}
	return "", ""
}

// changeResult compares a change with its result.
func (r RegistrationToken) changeResult(c Change, is RegistrationToken) string {
	var all []string
	was, now := r.Changeable(), is.Changeable()
	for i, want := range r.WithChange(c).Changeable() {
		if now[i] == want {
			continue
		}
		asked := want[1]
		if want == was[i] {
			asked = "no change"
		}
		all = append(all, fmt.Sprintf("%s was %s, you asked for %s, the service says %s", want[0], was[i][1], asked, now[i][1]))
	}
	return strings.Join(all, "; ")
}

// Changeable returns the changeable members of a registration token: names and values for
// people.
func (r RegistrationToken) Changeable() [3][2]string {
	return [3][2]string{{"count", fmt.Sprint(r.Count)}, {"last day", r.LastDay()}, {"state", r.State.String()}}
}
