package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"regent/agent/tms/admin"
)

// deletion returns the delete command of one kind of thing. means is what a
// deletion does, for the question.
func (t *tool) deletion(thing, means string, remove func(context.Context, *admin.Session, string) error) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "delete ID...", Short: "Delete by id: " + means,
		Args: cobra.MinimumNArgs(1),
		RunE: running(func(c *cobra.Command, ids []string) error {
			return t.delete(c.Context(), thing, means, ids, yes, remove)
		}),
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

func (t *tool) delete(ctx context.Context, thing, means string, ids []string, yes bool, remove func(context.Context, *admin.Session, string) error) error {
	client, err := t.client()
	if err != nil {
		return err
	}
	client.Close()
	if err := t.flags.contradiction(); err != nil {
		return err
	}
	if !yes {
		sure, err := t.confirm(ctx, fmt.Sprintf("Delete %s on %s? %s.", counted(len(ids), thing), client.Host(), means))
		if err != nil {
			return err
		}
		if !sure {
			return errors.New("nothing was deleted")
		}
	}
	deleted := []string{}
	err = t.asAdministrator(ctx, func(s *admin.Session) error {
		for _, id := range ids {
			if err := remove(ctx, s, id); err != nil {
				return fmt.Errorf("%s %q: %w", thing, id, err)
			}
			deleted = append(deleted, id)
			if t.flags.json {
				continue
			}
			if _, err := fmt.Fprintf(t.out, "deleted %s %s\n", thing, cell(id)); err != nil {
				return err
			}
		}
		return nil
	})
	if t.flags.json {
		return errors.Join(err, t.printJSON(map[string][]string{"deleted": deleted}))
	}
	return err
}

func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
