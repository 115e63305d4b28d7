package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/tms/admin"
)

// change is how a command changes one registration token.
type change struct {
	// decide looks at what there is and says what is to become of it. An error of it
	// changes nothing. A Change of nothing means that it is so already.
	decide func(admin.RegistrationToken, time.Time) (admin.Change, error)
	// confirm asks a person before the change is sent; nil asks nobody.
	confirm func(context.Context, admin.RegistrationToken) error
	// warn says what else a change may end; nil if there is nothing to say.
	warn func(admin.RegistrationToken)
	dry  bool
}

// newChangeCommand returns a command that changes one registration token.
func (t *tool) newChangeCommand(use, short string, h change) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: oneArgument("registration token"),
		RunE: t.session(func(ctx context.Context, s *admin.Session, args []string) error { return t.change(ctx, s, args[0], h) }),
	}
	c.Flags().BoolVar(&h.dry, "dry-run", false, "print the change, and change nothing")
	return c
}

func (t *tool) change(ctx context.Context, s *admin.Session, id string, h change) error {
	was, err := s.RegistrationToken(ctx, id)
	if err != nil {
		return err
	}
	change, err := h.decide(was, s.Now())
	if err != nil {
		return err
	}
	if change == (admin.Change{}) {
		t.say("The registration token already has this value. Nothing was changed.\n")
		return t.printRegistration(was, false)
	}
	if h.dry && h.warn != nil {
		h.warn(was)
	}
	if h.dry {
		_, err := fmt.Fprintf(t.out, "would change %s: %s\n", tableCell(was.Identifier), differences(was, was.WithChange(change)))
		return err
	}
	if h.confirm != nil {
		if err := h.confirm(ctx, was); err != nil {
			return err
		}
	}
	is, err := s.UpdateRegistrationToken(ctx, was, change)
	if errors.Is(err, admin.ErrChanged) {
		return fmt.Errorf("%w: see tmsctl registration-token show %s, then repeat the command", err, id)
	}
	if _, ok := errors.AsType[*admin.MismatchError](err); ok {
		return errors.Join(fmt.Errorf("%s: %w", tableCell(was.Identifier), err), t.printRegistration(is, false))
	}
	if err != nil {
		return err
	}
	t.say("changed %s: %s\n", tableCell(was.Identifier), differences(was, is))
	return t.printRegistration(is, false)
}

// differences is what differs of two states of a registration token, in words.
func differences(from, to admin.RegistrationToken) string {
	var all []string
	was := from.Changeable()
	for i, is := range to.Changeable() {
		if is != was[i] {
			all = append(all, fmt.Sprintf("%s %s to %s", is[0], tableCell(was[i][1]), tableCell(is[1])))
		}
	}
	return strings.Join(all, ", ")
}

func (t *tool) registrationExtend() *cobra.Command {
	var until string
	c := t.newChangeCommand("extend ID", "Move the last day of a registration token", change{decide: func(r admin.RegistrationToken, now time.Time) (admin.Change, error) {
		day, err := expiry(until, now)
		if err != nil {
			return admin.Change{}, err
		}
		day = day.UTC().Truncate(24 * time.Hour)
		if first, last := admin.ExpiryBounds(now); day.Before(first) || day.After(last) {
			return admin.Change{}, usagef("--expires %s: must lie between tomorrow, %s, and %s", day.Format(time.DateOnly), first.Format(time.DateOnly), last.Format(time.DateOnly))
		}
		switch {
		case r.Never:
			return admin.Change{}, usagef("it never expires. Nothing was changed. To end it, run: tmsctl registration-token disable ID")
		case day.Equal(r.Expires):
			return admin.Change{}, nil
		case day.Before(r.Expires):
			return admin.Change{}, usagef("its last day is %s, which is later. Nothing was changed. To end it sooner, run: tmsctl registration-token disable ID", r.Expires.Format(time.DateOnly))
		}
		return admin.Change{Expires: &day}, nil
	}})
	c.Long = `Move the last day of a registration token, to at most 30 days from today. You
can also extend an expired one. Unused counts lapse after the last day.`
	c.Flags().StringVar(&until, "expires", "30d", "the new last day: `30d` or a date")
	return c
}

func (t *tool) registrationRaise() *cobra.Command {
	var to int
	c := t.newChangeCommand("raise-count ID --to N", "Raise the count of a registration token", change{decide: func(r admin.RegistrationToken, _ time.Time) (admin.Change, error) {
		switch {
		case to == r.Count:
			return admin.Change{}, nil
		case to < r.Count:
			return admin.Change{}, usagef("its count is %d, which is more. Nothing was changed. Somebody else may have raised it", r.Count)
		}
		return admin.Change{Count: &to}, nil
	}})
	c.Long = `Raise the count of a registration token to N, used counts included. N is the
total and not the difference. You can repeat the command after a lost reply.
If two administrators run it, the total is still N.`
	c.PreRunE = func(*cobra.Command, []string) error {
		if err := admin.CheckCount(to); err != nil {
			return usagef("--to N: the new total, used counts included: %v", err)
		}
		return nil
	}
	c.Flags().IntVar(&to, "to", 0, "the new total, used counts included")
	return c
}

func (t *tool) registrationEnable(on bool) *cobra.Command {
	decide := func(r admin.RegistrationToken, _ time.Time) (admin.Change, error) {
		if r.State == admin.StateIf(on) {
			return admin.Change{}, nil
		}
		return admin.Change{Enabled: &on}, nil
	}
	if on {
		return t.newChangeCommand("enable ID", "Let devices redeem a registration token again", change{decide: decide})
	}
	var yes bool
	warn := func(r admin.RegistrationToken) {
		made := -1
		if r.UsedKnown {
			made = r.Used
		}
		t.say("%s", dependentsWarning(made))
	}
	c := t.newChangeCommand("disable ID", "Stop redemptions; its auth tokens may end too", change{
		decide: decide, warn: warn,
		confirm: func(ctx context.Context, r admin.RegistrationToken) error {
			warn(r)
			if yes || !t.terminal {
				return nil
			}
			sure, err := t.confirm(ctx, fmt.Sprintf("Disable %s on %s?", tableCell(r.Identifier), t.host))
			if err == nil && !sure {
				err = errors.New("nothing was changed")
			}
			return err
		},
	})
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask (without a terminal it never asks)")
	return c
}
