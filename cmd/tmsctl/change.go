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
	use, short, long, example string
	// decide returns the change of a registration token. After an error nothing is
	// changed. The zero Change means that the token already has the value.
	decide func(admin.RegistrationToken, time.Time) (admin.Change, error)
	ends   bool // its auth tokens may end with it: the command warns and asks
}

// newChangeCommand returns a command that changes one registration token.
func (t *tool) newChangeCommand(h change) *cobra.Command {
	var dry, yes bool
	c := &cobra.Command{
		Use: h.use, Short: h.short, Long: h.long + "\n\n" + nameHelp, Example: h.example, Args: oneArgument("registration token"),
		RunE: t.session(func(ctx context.Context, s *admin.Session, args []string) error {
			return t.change(ctx, s, args[0], h, dry, yes)
		}),
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "print the change, and change nothing")
	if h.ends {
		c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask (without a terminal it never asks)")
	}
	return c
}

func (t *tool) change(ctx context.Context, s *admin.Session, name string, h change, dry, yes bool) error {
	was, err := t.registration(ctx, s, "", name)
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
	if h.ends {
		t.say("%s", dependentsWarning(was))
	}
	if dry {
		return t.printf("would change %s: %s\n", tableCell(was.Identifier), differences(was, was.WithChange(change)))
	}
	if h.ends && !yes && t.terminal {
		if err := t.confirm(ctx, fmt.Sprintf("Disable %s on %s?", tableCell(was.Identifier), t.host), "nothing was changed"); err != nil {
			return err
		}
	}
	is, err := s.UpdateRegistrationToken(ctx, was, change)
	if errors.Is(err, admin.ErrChanged) {
		return fmt.Errorf("%w: see tmsctl registration-token show %s, then repeat the command", err, tableCell(name))
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

// differences describes the differences of two states of a registration token.
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
	c := t.newChangeCommand(change{
		use: "extend NAME", short: "Move the last day of a registration token",
		long: `Move the last day of a registration token, to at most 30 days from today. You
can also extend an expired one. Unused counts lapse after the last day.`,
		example: "  tmsctl registration-token extend berlin --expires 30d",
		decide: func(r admin.RegistrationToken, now time.Time) (admin.Change, error) {
			day, err := expiry(until, now)
			if err != nil {
				return admin.Change{}, err
			}
			if err := admin.CheckExpires(day, now); err != nil {
				return admin.Change{}, usagef("--expires: %v", err)
			}
			day = day.UTC().Truncate(24 * time.Hour)
			switch {
			case r.Never:
				return admin.Change{}, usagef("it never expires. Nothing was changed\nto end it: tmsctl registration-token disable %s", nameWord(r.Identifier))
			case day.Equal(r.Expires):
				return admin.Change{}, nil
			case day.Before(r.Expires):
				return admin.Change{}, usagef("the last day is %s, later than --expires %s. Nothing was changed\nto end it sooner: tmsctl registration-token disable %s", r.Expires.Format(time.DateOnly), day.Format(time.DateOnly), nameWord(r.Identifier))
			}
			return admin.Change{Expires: &day}, nil
		},
	})
	c.Flags().StringVar(&until, "expires", "30d", "the new last day: a `DATE`, or 30d for 30 days from now")
	return c
}

func (t *tool) registrationRaise() *cobra.Command {
	var to int
	c := t.newChangeCommand(change{
		use: "raise-count NAME --to N", short: "Raise the count of a registration token",
		long: `Raise the count of a registration token to N, used counts included. N is the
total and not the difference. You can repeat the command after a lost reply.
If two administrators run it, the total is still N.`,
		example: "  tmsctl registration-token raise-count berlin --to 200",
		decide: func(r admin.RegistrationToken, _ time.Time) (admin.Change, error) {
			switch {
			case to == r.Count:
				return admin.Change{}, nil
			case to < r.Count:
				return admin.Change{}, usagef("the count is %d, more than --to %d. Nothing was changed\nsomebody else may have raised it. To see it: tmsctl registration-token show %s", r.Count, to, nameWord(r.Identifier))
			}
			return admin.Change{Count: &to}, nil
		},
	})
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		if !c.Flags().Changed("to") {
			return usagef("--to N is required: the new total, used counts included")
		}
		if err := admin.CheckCount(to); err != nil {
			return usagef("--to N: the new total, used counts included: %v", err)
		}
		return nil
	}
	c.Flags().IntVar(&to, "to", 0, "the new total, used counts included")
	return c
}

func (t *tool) registrationEnable(on bool) *cobra.Command {
	h := change{
		use: "enable NAME", short: "Let devices redeem a registration token again",
		long:    "Let devices redeem a registration token again.",
		example: "  tmsctl registration-token enable berlin",
	}
	if !on {
		h = change{
			use: "disable NAME", short: "Stop redemptions; its auth tokens may end too", ends: true,
			long:    "Stop redemptions of a registration token. Its auth tokens may end too.",
			example: "  tmsctl registration-token disable berlin",
		}
	}
	h.decide = func(r admin.RegistrationToken, _ time.Time) (admin.Change, error) {
		if r.State == admin.StateIf(on) {
			return admin.Change{}, nil
		}
		return admin.Change{Enabled: &on}, nil
	}
	return t.newChangeCommand(h)
}
