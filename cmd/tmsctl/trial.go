package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/tms/contract"
)

// trialCounts is how many counts a trial uses at most.
const trialCounts = 3

// trial is the first day with a tenant. What it made is in it until it is gone.
type trial struct {
	t      *tool
	s      *admin.Session
	device *tms.Client

	registration admin.NewRegistrationToken
	made         admin.RegistrationToken // as the service had it last
	mayBeMade    bool                    // it was asked for, and is not known to be gone
	tokens       []*trialToken
	form         string // of a redemption's body; "" as long as none was accepted
	mode         string // of a refresh; "" as long as none has worked

	found contract.Findings
	notes []string
}

// trialToken is one auth token of the trial, or a redemption without a reply.
type trialToken struct {
	tms.AuthToken
	identifier string
	provider   tms.Provider
	lost       bool // no answer came: a count may be used
	gone       bool // deleted
}

func (t *tool) trial() *cobra.Command {
	var yes bool
	var config string
	c := &cobra.Command{
		Use: "trial", Short: "Test a new tenant with at most 3 counts", Args: noArguments,
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
			file, err := newTokenFile("--config", config) // before anything is used: what was learnt must not be lost
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

// runTrial asks, makes the trial, cleans up, and says what was found and used.
func (t *tool) runTrial(ctx context.Context, s *admin.Session, yes bool, config string, file *reserved) error {
	x, err := t.newTrial(s)
	if err != nil {
		return err
	}
	defer x.device.Close()
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
	used, maybe := x.counts()
	x.notes = append(x.notes, countsUsed(used, maybe))
	err = t.printBlock(contract.Block{Tenant: t.host, Counts: used, Notes: x.notes, Forms: contract.Fill(contract.Trial, x.found)})
	t.say("%s\n", countsUsed(used, maybe))
	if stopped != nil {
		stopped = fmt.Errorf("the trial is not complete: %w", stopped)
	}
	return errors.Join(stopped, left, err)
}

func countsUsed(used, maybe int) string {
	text := fmt.Sprintf("Counts used: %d of at most %d.", used, trialCounts)
	if maybe > 0 {
		text += fmt.Sprintf(" %d more may be used: a redemption got no reply, and was not repeated.", maybe)
	}
	return text
}

func (t *tool) newTrial(s *admin.Session) (*trial, error) {
	name := "regent-trial-" + s.Now().UTC().Format("20060102") + "-" + strings.ToLower(rand.Text()[:6])
	x := &trial{
		t: t, s: s, found: contract.Findings{},
		registration: admin.NewRegistrationToken{Identifier: name, Count: trialCounts, Expires: s.Now().UTC().AddDate(0, 0, 1)},
	}
	var err error
	if x.device, err = tms.New(t.reached); err != nil {
		return nil, err
	}
	return x, nil
}

// run makes the steps, until one fails. What was made until then is in x.
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
			err = step.do(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// counts is how many counts were used for certain, and how many perhaps.
func (x *trial) counts() (used, maybe int) {
	for _, b := range x.tokens {
		if b.lost {
			maybe++
			continue
		}
		used++
	}
	return used, maybe
}
