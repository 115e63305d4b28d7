package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/status"
)

// contractTime is how long the daemon may take to ask its tenants.
const contractTime = 60 * time.Second

// doctorContract is regent doctor --contract: which of the forms that the
// vendor does not document each tenant has.
func doctorContract(cmd *cobra.Command, s surroundings, dial dialer, asJSON bool) error {
	ctx, cancel := within(cmd.Context(), contractTime)
	defer cancel()
	c, err := askContract(ctx, dial)
	if err != nil {
		return err
	}
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), c)
	} else {
		_, err = io.WriteString(cmd.OutOrStdout(), renderContract(c, s.viewAt(s.now())))
	}
	if err == nil && misfits(c) {
		return unwell(status.Degraded)
	}
	return err
}

func askContract(ctx context.Context, dial dialer) (status.Contract, error) {
	c, err := dial().Contract(ctx)
	return c, late(ctx, err)
}

// misfits reports whether anything is configured otherwise than a tenant has it,
// or a tenant could not be asked.
func misfits(c status.Contract) bool {
	return slices.ContainsFunc(c.Tenants, func(t status.TenantContract) bool {
		return t.Failed != "" || slices.ContainsFunc(t.Forms, func(f status.Form) bool { return f.Fits == status.FitNo })
	})
}

// renderContract is a table for each tenant, and below it how each is known.
func renderContract(c status.Contract, v view) string {
	if len(c.Tenants) == 0 {
		return "The configuration names no tenant yet.\n"
	}
	var b strings.Builder
	for i, t := range c.Tenants {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(v.paint(bold, printable(t.Tenant)) + "\n")
		if t.Failed != "" {
			b.WriteString(strings.Join(wrap("  could not be asked: "+printable(t.Failed), v.width), "\n") + "\n")
			continue
		}
		rows := [][]string{{"KEY", "CONFIGURED", "TENANT", "FITS"}}
		var why [][2]string
		for _, f := range t.Forms {
			rows = append(rows, []string{f.Key, f.Configured, answersInWords(f), string(f.Fits)})
			why = append(why, [2]string{f.Key, printable(f.Why)})
		}
		b.WriteString(table("  ", rows) + "\n" + v.labelled("  ", why))
	}
	b.WriteString("\n" + strings.Join(wrap("No count was used: all that was sent is made up.", v.width), "\n") + "\n")
	return b.String()
}

func answersInWords(f status.Form) string {
	if len(f.Answers) == 0 {
		return "not known"
	}
	return printable(strings.Join(f.Answers, ", "))
}
