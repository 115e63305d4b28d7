package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	judge "regent/agent/redeem"
	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/tms/contract"
	"regent/agent/token"
)

// read adds the findings of reading calls. It keeps earlier findings.
func (x *trial) read(ctx context.Context) error {
	var discoverErr error
	if x.provider.TokenEndpoint == "" { // no answer to a device can repeat the registration token yet
		x.provider, discoverErr = x.device.Discover(ctx)
	}
	found, err := x.s.Contract(ctx)
	found.Set(contract.Login, x.t.loginForm(x.s))
	for id, seen := range found {
		if len(x.found[id].Answers) == 0 {
			x.found[id] = seen
		}
	}
	return cmp.Or(err, discoverErr)
}

func (x *trial) make(ctx context.Context) error {
	x.mayBeMade = true
	r, err := x.s.CreateRegistrationToken(ctx, x.registration, x.s.Now())
	if f, ok := errors.AsType[*tms.Failure](err); ok && f.Reach == tms.NotSent {
		x.mayBeMade = false
	}
	if r.ID != "" {
		x.made = r
	}
	if err != nil {
		return err
	}
	if r.Count != trialCounts {
		return fmt.Errorf("the service says count %d, and %d was asked for", r.Count, trialCounts)
	}
	x.found.Set(contract.RegistrationForm, registrationForm(r))
	return nil
}

// redeemFirst finds out in which form. The second form is tried once, and only after
// a 400 that can mean nothing but the form.
func (x *trial) redeemFirst(ctx context.Context) error {
	form := x.t.flags.Request
	if form == tms.Auto {
		form = tms.Wrapped
	}
	err := x.redeemOnce(ctx, form)
	if f, ok := errors.AsType[*tms.Failure](err); ok && x.t.flags.Request == tms.Auto && f.FormRefused() {
		x.notes = append(x.notes, fmt.Sprintf("a wrapped redemption was refused with status %d; the bare form was tried once", f.Status))
		form = tms.Bare
		err = x.redeemOnce(ctx, form)
	}
	if err != nil {
		return err
	}
	first := x.tokens[0]
	x.found.Set(contract.RegistrationHeader, "basic")
	x.found.Set(contract.RedeemReply, map[bool]string{true: tms.Wrapped, false: tms.Bare}[first.Form.Wrapped])
	x.found.Set(contract.AccessName, first.Form.AccessToken)
	x.found.Set(contract.AccessLife, seconds(first.TTL))
	x.found.Set(contract.RefreshLife, seconds(first.RefreshTTL))
	x.found.Set(contract.RefreshToken, tokenKind(first.Refresh))
	return x.verifyForm(ctx, form, first)
}

// verifyForm looks whether the service read the redemption's body. Else the count is
// spent, and more would be spent in the same way.
func (x *trial) verifyForm(ctx context.Context, form string, b *trialToken) error {
	listed, err := x.s.AuthTokens(ctx, admin.AuthFilter{Identifier: b.identifier})
	for _, a := range listed {
		if a.Identifier == b.identifier {
			if b.ID == "" {
				b.ID = a.ID
			}
			x.found[contract.RequestBody] = contract.Observation{Answers: []string{form}, Why: "the list shows the identifier"}
			x.form = form
			x.found.Set(contract.Attribution, shownOf(a)...)
			return nil
		}
	}
	if err != nil {
		return err
	}
	x.found[contract.RequestBody] = contract.Observation{Why: "a " + form + " body was accepted, but the list does not show its identifier"}
	x.found.Set(contract.Attribution, "not shown after a "+form+" redemption")
	x.notes = append(x.notes, "The service accepted a "+form+" body, but its list does not show the identifier. It may ignore this form. Try the other form with --request.")
	return fmt.Errorf("the service accepted a %s redemption, but its list does not show the identifier; no more counts are used", form)
}

// redeem buys one more in the form that is proven.
func (x *trial) redeem(ctx context.Context) error { return x.redeemOnce(ctx, x.form) }

// redeemOnce redeems once, with one POST that is never repeated.
func (x *trial) redeemOnce(ctx context.Context, form string) error {
	if err := x.mayRedeem(ctx); err != nil {
		return err
	}
	n := len(x.tokens) + 1
	b := &trialToken{identifier: fmt.Sprintf("%s-%d-%s", x.registration.Identifier, len(x.sent)+1, form)}
	// An interruption does not end the wait for the reply: the auth token can then be deleted.
	var err error
	b.AuthToken, err = x.device.Redeem(context.WithoutCancel(ctx), x.made.Token, tms.Request{
		Identifier: b.identifier, FQDN: fmt.Sprintf("trial-%d.invalid", n), UserName: "tmsctl-trial", MAC: fmt.Sprintf("02:00:00:00:00:%02x", n),
		RefID1: fmt.Sprintf("regent-trial/%d", n), RefID2: x.registration.Identifier, Form: form,
	})
	f, failed := errors.AsType[*tms.Failure](err)
	if failed && f.Reach == tms.NotSent {
		return err
	}
	x.sent = append(x.sent, b)
	if err == nil {
		x.tokens = append(x.tokens, b)
		return nil
	}
	if failed && len(x.sent) == 1 { // else both were sent
		f.Form = form
	}
	if mayHaveUsedCount(err) {
		b.lost = true
		x.tokens = append(x.tokens, b)
		return fmt.Errorf("the redemption may have used a count, and is not repeated: %w", err)
	}
	b.refused = true
	return err
}

// mayRedeem returns an error if another redemption could use more counts than were agreed.
func (x *trial) mayRedeem(ctx context.Context) error {
	if len(x.tokens) >= trialCounts {
		return errors.New("[unexpected] more counts than were agreed")
	}
	if !slices.ContainsFunc(x.sent, func(was *trialToken) bool { return was.refused }) {
		return ctx.Err()
	}
	if _, err := x.authTokensLeft(ctx); err != nil {
		return err
	}
	if used, _ := x.counts(); used > len(x.tokens) {
		return errors.New("the service refused a redemption, but its list shows the auth token; no more counts are used")
	}
	return ctx.Err()
}

// mayHaveUsedCount judges a failed redemption as a device does. A 401 that is not in the
// service's shape may have used a count: the list of auth tokens shows it.
func mayHaveUsedCount(err error) bool {
	f, ok := errors.AsType[*tms.Failure](err)
	return ok && (judge.Classify(f).Entry == judge.Uncertain || f.Reach == tms.Answered && f.Status == http.StatusUnauthorized && !f.ServiceShape)
}

// refreshOutcome is the result of a refresh.
type refreshOutcome struct {
	worked, refused bool
	text            string // of the refusal, for people
}

// String describes the result.
func (o refreshOutcome) String() string {
	switch {
	case o.worked:
		return "works"
	case o.refused:
		return "refused"
	}
	return "not known: " + o.text
}

// refresh refreshes an auth token in a mode, with one request.
func (x *trial) refresh(ctx context.Context, b *trialToken, mode string) refreshOutcome {
	provider := x.provider
	provider.ClientID = provider.ClientFor(b.Refresh)
	var got tms.AuthToken
	err := x.patient(ctx, func(ctx context.Context) (err error) {
		got, err = x.device.Refresh(ctx, tms.RefreshRequest{Mode: mode, Provider: provider, AuthTokenID: b.ID, Refresh: b.Refresh, Known: []token.Secret{x.made.Token}})
		return err
	})
	if err == nil {
		if !got.Refresh.IsZero() {
			b.Refresh = got.Refresh
		}
		return refreshOutcome{worked: true}
	}
	f, ok := errors.AsType[*tms.Failure](err)
	return refreshOutcome{refused: ok && f.Reach == tms.Answered && f.Status/100 == 4 && !f.HasRetryAfter, text: x.t.flags.explained(err)[0]}
}

// refreshFirst finds the mode: the identity provider first, then the service.
func (x *trial) refreshFirst(ctx context.Context) error {
	b := x.tokens[0]
	var refusals []string
	for _, mode := range []string{tms.ModeOIDC, tms.ModeTMS} {
		before := b.Refresh
		o := x.refresh(ctx, b, mode)
		if o.worked {
			x.mode = mode
			x.found.Set(contract.RefreshMode, mode)
			x.found.Set(contract.Rotation, map[bool]string{true: "no: the refresh token stays the same", false: "yes: each refresh returns a new refresh token"}[b.Refresh.Equal(before)])
			return nil
		}
		if !o.refused {
			return errors.New(o.text)
		}
		refusals = append(refusals, mode+": "+o.text)
	}
	x.found[contract.RefreshMode] = contract.Observation{Why: "the service refused each mode"}
	x.notes = append(x.notes, "No refresh worked. "+strings.Join(refusals, "; "))
	return errors.New("the service refused each mode: " + strings.Join(refusals, "; ") +
		"\ndevices cannot refresh at this service. Give the report to its operator, and ask how an auth token is refreshed. Then set refresh.mode")
}

// disable disables the registration token, refreshes another auth token than the
// first, and enables it again.
func (x *trial) disable(ctx context.Context) error {
	unclear, err := x.enable(ctx, false)
	if err != nil {
		return err
	}
	o := x.refresh(ctx, x.tokens[1], x.mode)
	if _, err := x.enable(ctx, true); err != nil {
		return err
	}
	form := x.found[contract.RequestBody].Answers[0]
	if unclear == "" {
		x.found.Set(contract.Change, "PATCH in the form "+form+" changes the state")
	} else {
		x.found[contract.Change] = contract.Observation{Why: "PATCH in the form " + form + " is accepted, but " + unclear}
	}
	if unclear != "" && o.worked { // the registration token may not be disabled
		o = refreshOutcome{text: unclear}
	}
	if o.refused {
		back := x.refresh(ctx, x.tokens[1], x.mode)
		o.text += map[bool]string{true: "; it works again after enabling", false: "; it stays refused after enabling"}[back.worked]
	}
	x.conclude(contract.DisableEnds, o)
	return nil
}

// enable enables or disables the registration token. unclear says why the result is not
// known; it is "" if the service shows it.
func (x *trial) enable(ctx context.Context, on bool) (unclear string, err error) {
	was, err := x.s.RegistrationToken(ctx, x.made.ID)
	if err != nil {
		return "", err
	}
	_, err = x.s.UpdateRegistrationToken(ctx, was, admin.Change{Enabled: &on})
	if odd, ok := errors.AsType[*admin.MismatchError](err); ok && odd.Unverified != "" {
		return "the service does not show the " + odd.Unverified, nil
	}
	return "", err
}

// conclude notes whether something ended another auth token.
func (x *trial) conclude(id contract.ID, o refreshOutcome) {
	switch {
	case o.worked:
		x.found.Set(id, "no: another auth token still refreshes")
	case o.refused:
		x.found[id] = contract.Observation{Answers: []string{"yes: the refresh of another auth token is refused"}, Why: o.text}
	default:
		x.found[id] = contract.Observation{Why: o.text}
	}
}

// deleteFirst deletes one auth token, and looks at it, at another one and at the count.
func (x *trial) deleteFirst(ctx context.Context) error {
	first, other := x.tokens[0], x.tokens[2]
	if first.ID == "" {
		return errors.New("the reply to its redemption has no id")
	}
	before, err := x.s.RegistrationToken(ctx, x.made.ID)
	if err != nil {
		return err
	}
	if !first.gone { // else the step is repeated
		if err := x.s.DeleteAuthToken(ctx, first.ID); err != nil {
			return err
		}
		first.gone = true
	}
	own, others := x.refresh(ctx, first, x.mode), x.refresh(ctx, other, x.mode)
	x.found.Set(contract.AuthDeleteEnds, "its own refresh: "+own.String(), "refresh of another auth token: "+others.String())
	after, err := x.s.RegistrationToken(ctx, x.made.ID)
	if err != nil {
		return err
	}
	x.found[contract.CountBack] = countBack(before, after)
	return nil
}

// countBack says whether a deletion gave a count back. It is pure.
func countBack(before, after admin.RegistrationToken) contract.Observation {
	known := before.UsedKnown && after.UsedKnown
	switch {
	case known && after.Count-after.Used > before.Count-before.Used, !known && after.Count > before.Count:
		return contract.Observation{Answers: []string{"comes back"}}
	case known:
		return contract.Observation{Answers: []string{"does not come back"}}
	}
	return contract.Observation{Why: "the service does not tell how many counts are used"}
}

func (x *trial) deleteRegistration(ctx context.Context) error {
	x.readCount(ctx, x.made.ID)
	if err := x.s.DeleteRegistrationToken(ctx, x.made.ID); err != nil {
		return err
	}
	x.mayBeMade = false
	x.conclude(contract.DeleteEnds, x.refresh(ctx, x.tokens[2], x.mode))
	return nil
}

func (t *tool) contract() *cobra.Command {
	return &cobra.Command{
		Use: "contract", Short: "Report how this tenant behaves, for a support ticket", Args: noArguments,
		Example: "  tmsctl contract --profile acme",
		Long: `Report how this tenant implements the details that the vendor does not document.
If a row is not known yet, the report names the command that shows it. tmsctl
contract only reads: it uses no count and changes nothing. The report contains
no secret. Paste it into a support ticket.

regent doctor --contract prints the report of a device. tmsctl trial tests
the rest.`,
		RunE: func(c *cobra.Command, _ []string) error {
			found := contract.Findings{}
			err := t.asAdministrator(c.Context(), func(s *admin.Session) (err error) {
				found, err = s.Contract(c.Context())
				found.Set(contract.Login, t.loginForm(s))
				return err
			})
			return t.printContract(found, err)
		},
	}
}

// printContract prints the block of an administrator. After a failure it says in each row
// that is not known why not, and returns the failure.
func (t *tool) printContract(found contract.Findings, err error) error {
	b := contract.Block{Tenant: t.host, Forms: contract.Fill(contract.Administrator, found)}
	if f, ok := errors.AsType[*tms.Failure](err); ok {
		b.Notes = []string{t.flags.explained(err)[0]}
		for i, row := range b.Forms {
			if len(row.Answers) == 0 && !strings.HasPrefix(row.Why, "known after ") {
				b.Forms[i].Why = f.Op + " failed"
			}
		}
	} else if err != nil {
		return err
	}
	return errors.Join(err, t.printBlock(b))
}

// loginForm is how the administrator logged in.
func (t *tool) loginForm(s *admin.Session) string {
	if t.flags.ClientCredentials {
		return "client credentials"
	}
	if t.byBrowser {
		return "browser, client " + s.Bearer().Provider.ClientID
	}
	return "password, client " + s.Bearer().Provider.ClientID
}

// printBlock prints a block for a ticket, signed with who asked, and when.
func (t *tool) printBlock(b contract.Block) error {
	b.By, b.At = "tmsctl "+version+" as an administrator", t.now().UTC().Truncate(time.Second)
	if t.flags.json {
		return t.printJSON(map[string]any{"tenants": []contract.Block{b}})
	}
	return t.printf("%s", b)
}
