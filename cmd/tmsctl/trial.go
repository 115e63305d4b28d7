package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/tms/contract"
	"regent/agent/token"
	"regent/platform/terminal"
)

// trialCounts is how many counts a trial uses at most.
const trialCounts = 3

// trial is one run of tmsctl trial. It knows its tokens until they are deleted.
type trial struct {
	t      *tool
	s      *admin.Session
	device *tms.Client

	provider     tms.Provider // where an auth token is refreshed
	registration admin.NewRegistrationToken
	made         admin.RegistrationToken // as the service had it last
	mayBeMade    bool                    // its creation was requested, and its deletion is not confirmed
	sent         []*trialToken           // redemptions, also those that were refused
	tokens       []*trialToken           // redemptions that returned, or may have returned, an auth token
	usedCounts   int                     // used counts, by the service
	form         string                  // of a redemption's body; "" as long as none was accepted
	mode         string                  // of a refresh; "" as long as none has worked

	found contract.Findings
	notes []string
}

// trialToken is one auth token of the trial, or a redemption without a reply.
type trialToken struct {
	tms.AuthToken
	identifier string
	lost       bool // no answer came: a count may be used
	refused    bool // and the list does not show it
	gone       bool // deleted
}

func (t *tool) trial() *cobra.Command {
	var yes bool
	var config string
	c := &cobra.Command{
		Use: "trial", Short: "Test a new tenant with at most 3 counts", Args: noArguments,
		Example: "  tmsctl trial --profile acme\n  tmsctl trial --profile acme --yes --config contract.yaml",
		Long: fmt.Sprintf(`Test a new tenant with one command. The trial creates a registration token of
count %d that expires tomorrow, and redeems it up to %[1]d times. It shows:

  - which form of request body the service accepts
  - how an auth token is refreshed
  - whether disabling or deleting the registration token ends its auth tokens
  - whether deleting one auth token ends others

At its end the trial deletes the tokens that it created, also after Ctrl-C or a
failure. If it cannot delete a token, it prints the command that does.

The trial asks before it starts. --yes answers the question, for scripts. A
redemption without a reply is not repeated. Secrets stay in memory. The trial
prints a report for a support ticket, and writes configuration for devices.`, trialCounts),
		RunE: func(c *cobra.Command, _ []string) error {
			file, err := newTokenFile("--config", config) // before it uses a count: the findings must not be lost
			if err != nil {
				return err
			}
			defer file.discard()
			return t.asAdministrator(c.Context(), func(s *admin.Session) error { return t.runTrial(c.Context(), s, yes, config, file) })
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.Flags().StringVar(&config, "config", "regent-contract.yaml", "write the answers as configuration to this new `FILE`")
	return c
}

// runTrial asks, runs the trial, cleans up, and prints the findings and the used counts.
func (t *tool) runTrial(ctx context.Context, s *admin.Session, yes bool, config string, file *reserved) error {
	device, err := tms.New(t.reached)
	if err != nil {
		return err
	}
	defer device.Close()
	x := &trial{t: t, s: s, device: device, found: contract.Findings{}, registration: admin.NewRegistrationToken{
		Identifier: "regent-trial-" + uniqueName(s.Now()), Count: trialCounts, Expires: s.Now().UTC().AddDate(0, 0, 1),
	}}
	t.say("The trial on %s uses at most %d counts. It creates registration token %s (count %d, last day %s) and up to %d auth tokens. It deletes them at its end. It changes nothing else.\n",
		t.host, trialCounts, x.registration.Identifier, trialCounts, x.registration.Expires.Format(time.DateOnly), trialCounts)
	if !yes {
		if err := t.confirm(ctx, "Start the trial?", "not confirmed: nothing was created and no count was used"); err != nil {
			return err
		}
	}
	stopped := x.run(ctx)
	left := x.clean(context.WithoutCancel(ctx))
	if err := file.keep([]byte(x.configuration())); err != nil {
		left = errors.Join(left, fmt.Errorf("%s: %w", config, err))
	} else {
		t.say("Wrote configuration for devices to %s.\n", config)
	}
	used, text := x.counts()
	x.notes = append(x.notes, text)
	err = t.printBlock(contract.Block{Tenant: t.host, Counts: used, Notes: x.notes, Forms: contract.Fill(contract.Trial, x.found)})
	t.say("%s\n", text)
	if stopped != nil {
		stopped = fmt.Errorf("the trial is not complete: %w", stopped)
	}
	return errors.Join(stopped, left, err)
}

// run makes the steps, until one fails. x contains the tokens that exist by then.
func (x *trial) run(ctx context.Context) error {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"read the tenant", x.read},
		{"create the registration token", x.make},
		{"redeem the first auth token", x.redeemFirst},
		{"refresh the first auth token", x.refreshFirst},
		{"redeem the second auth token", x.redeem},
		{"disable the registration token", x.disable},
		{"redeem the third auth token", x.redeem},
		{"read the tenant again", x.read},
		{"delete the first auth token", x.deleteFirst},
		{"delete the registration token", x.deleteRegistration},
	} {
		x.t.say("trial: %s ...\n", step.what)
		err := ctx.Err()
		if err == nil {
			err = x.patient(ctx, step.do)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// longestWait is the longest Retry-After of a 429 that a trial waits for.
const longestWait = time.Minute

// patient does something, and once more if the service says 429 and when to try again.
func (x *trial) patient(ctx context.Context, do func(context.Context) error) error {
	err := do(ctx)
	f, ok := errors.AsType[*tms.Failure](err)
	if !ok || f.Status != http.StatusTooManyRequests || !f.HasRetryAfter || f.RetryAfter > longestWait {
		return err
	}
	x.t.say("trial: the service asks to wait %s ...\n", terminal.Duration(f.RetryAfter))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(f.RetryAfter):
		return do(ctx)
	}
}

// counts is how many counts were used for certain, and how many perhaps, in words. The
// service's list and its number count, where they say more than its answers.
func (x *trial) counts() (used int, text string) {
	maybe := 0
	for _, b := range x.sent {
		switch {
		case b.lost:
			maybe++
		case !b.refused:
			used++
		}
	}
	maybe, used = max(0, min(maybe, used+maybe-x.usedCounts)), max(used, x.usedCounts)
	text = fmt.Sprintf("Counts used: %d of at most %d.", used, trialCounts)
	if maybe > 0 {
		text += fmt.Sprintf(" %d more may be used: a redemption got no reply, and was not repeated.", maybe)
	}
	return used, text
}

// cleanTime is how long cleaning up may take, also after an interruption.
const cleanTime = 3 * time.Minute

// clean deletes the tokens of the trial that may still exist. Its error names those that
// are left, with the command that deletes each.
func (x *trial) clean(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cleanTime)
	defer cancel()
	if len(x.sent) == 0 && !x.mayBeMade {
		return nil
	}
	x.t.say("trial: delete the tokens of the trial ...\n")
	var left []error
	ids, err := x.authTokensLeft(ctx)
	if err != nil {
		left = append(left, fmt.Errorf("the auth tokens of registration token %s cannot be listed: %w\nto list them, run: tmsctl auth-token list --registration-token %[1]s", x.registration.Identifier, err))
	}
	for _, id := range ids {
		if err := x.delete(ctx, x.s.DeleteAuthToken, id); err != nil {
			left = append(left, fmt.Errorf("auth token %s is left: %w\nto delete it, run: tmsctl auth-token delete %[1]s", id, err))
		}
	}
	return errors.Join(append(left, x.cleanRegistration(ctx))...)
}

func (x *trial) cleanRegistration(ctx context.Context) error {
	if !x.mayBeMade {
		return nil
	}
	id := x.made.ID
	if id == "" {
		list, err := x.s.RegistrationTokens(ctx, admin.RegistrationFilter{Identifier: x.registration.Identifier})
		if err != nil {
			return fmt.Errorf("registration token %s may be left: %w; look for it with: tmsctl registration-token list --identifier %[1]s", x.registration.Identifier, err)
		}
		i := slices.IndexFunc(list, func(r admin.RegistrationToken) bool { return r.Identifier == x.registration.Identifier })
		if i < 0 {
			return nil
		}
		id = list[i].ID
	}
	x.readCount(ctx, id)
	if err := x.delete(ctx, x.s.DeleteRegistrationToken, id); err != nil {
		return fmt.Errorf("registration token %s is left: %w\nto delete it, run: tmsctl registration-token delete %[1]s", id, err)
	}
	return nil
}

// readCount notes the used counts by the service, before the registration token is deleted.
func (x *trial) readCount(ctx context.Context, id string) {
	r, err := x.s.RegistrationToken(ctx, id)
	switch {
	case err != nil:
	case r.UsedKnown:
		x.usedCounts = max(x.usedCounts, r.Used)
		x.notes = append(x.notes, fmt.Sprintf("The service says that %d of %d counts are used.", r.Used, r.Count))
	default:
		x.notes = append(x.notes, fmt.Sprintf("The service does not say how many of %d counts are used.", r.Count))
	}
}

// authTokensLeft returns the ids of the trial's auth tokens, from replies and from the
// list. The list also shows redemptions that used a count although the reply was lost or
// a refusal.
func (x *trial) authTokensLeft(ctx context.Context) ([]string, error) {
	if len(x.sent) == 0 {
		return nil, nil
	}
	ids := map[string]bool{}
	list, err := x.s.AuthTokens(ctx, admin.AuthFilter{})
	list = slices.DeleteFunc(list, func(a admin.AuthToken) bool { return !x.ours(a) })
	x.usedCounts = max(x.usedCounts, len(list))
	for _, a := range list {
		ids[a.ID] = true
		for _, b := range x.sent {
			if b.identifier == a.Identifier {
				b.lost, b.refused = false, false
			}
		}
	}
	for _, b := range x.sent {
		if b.ID != "" {
			ids[b.ID] = !b.gone
		}
	}
	maps.DeleteFunc(ids, func(_ string, left bool) bool { return !left })
	return slices.Sorted(maps.Keys(ids)), err
}

func (x *trial) ours(a admin.AuthToken) bool {
	return a.RefID2 == x.registration.Identifier || a.Registration == x.registration.Identifier ||
		x.made.ID != "" && a.Registration == x.made.ID ||
		slices.ContainsFunc(x.sent, func(b *trialToken) bool { return a.Identifier == b.identifier })
}

// delete deletes the object with an id. A missing object is not an error.
func (x *trial) delete(ctx context.Context, remove func(context.Context, string) error, id string) error {
	err := x.patient(ctx, func(ctx context.Context) error { return remove(ctx, id) })
	if f, ok := errors.AsType[*tms.Failure](err); ok && f.Reach == tms.Answered && f.Status == http.StatusNotFound && f.ServiceShape {
		return nil
	}
	return err
}

// configuration returns the findings as configuration for devices.
func (x *trial) configuration() string {
	var t strings.Builder
	fmt.Fprintf(&t, "# Findings of tmsctl trial at %s on %s.\n# Copy this file to config.d on devices, or its keys to managed policy. It contains no secret.\n",
		x.t.host, x.t.now().UTC().Format(time.DateOnly))
	first := func(id contract.ID) string { return append(slices.Clone(x.found[id].Answers), "")[0] }
	head := "contract:\n"
	for _, k := range [][2]string{
		{"base_path", first(contract.BasePath)},
		{"request", x.form},
		{"request_confirmed", map[bool]string{true: "true"}[x.form != ""]}, // the list showed the names of the redemption
		{"registration_header", first(contract.RegistrationHeader)},
	} {
		if k[1] != "" {
			fmt.Fprintf(&t, "%s  %s: %s\n", head, k[0], k[1])
			head = ""
		}
	}
	if x.mode == "" {
		t.WriteString("# refresh.mode: no refresh worked.\n")
	} else {
		fmt.Fprintf(&t, "refresh:\n  mode: %s\n", x.mode)
	}
	for _, known := range [][2]string{{"contract.reply", first(contract.RedeemReply)}, {"contract.access_token_name", first(contract.AccessName)}} {
		if known[1] != "" {
			fmt.Fprintf(&t, "# %s: the service uses %s. The default, any, accepts it.\n", known[0], known[1])
		}
	}
	if x.form == "" {
		t.WriteString("# contract.request: the trial proved no form.\n")
	}
	return t.String()
}

func seconds(d time.Duration) string {
	if d <= 0 {
		return "not in the reply, or unlimited"
	}
	return fmt.Sprintf("%d s", int64(d.Seconds()))
}

func registrationForm(r admin.RegistrationToken) string {
	if why := token.FormatWarning(r.Token); why != "" {
		return why
	}
	return "shown at its creation, base64 of user:password"
}

// tokenKind is whether a refresh token can be read.
func tokenKind(s token.Secret) string {
	switch {
	case s.IsZero():
		return "not in the reply"
	case strings.Count(reveal(s), ".") == 2:
		return "a JWT"
	}
	return "opaque"
}

// shownOf returns the members of a redemption that the list shows.
func shownOf(a admin.AuthToken) []string {
	var names []string
	for _, m := range [][2]string{
		{"identifier", a.Identifier},
		{"fqdn", a.FQDN},
		{"systemUserName", a.UserName},
		{"macAddress", a.MAC},
		{"refId1", a.RefID1},
		{"refId2", a.RefID2},
		{"registrationToken", a.Registration},
	} {
		if m[1] != "" {
			names = append(names, m[0])
		}
	}
	return names
}
