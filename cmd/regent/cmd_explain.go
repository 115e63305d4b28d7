package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"regent/ipc/api"
)

func newExplain(c *cli) *cobra.Command {
	var application string
	var pid int
	cmd := command("explain --pid N --application ID", "Show which rule decides about a process, and why",
		`Show which rule of an application decides about a running process, and why. It
leases nothing. Only administrators can run it. It exits 4 if the process gets
no token.`,
		func(cmd *cobra.Command, _ []string) error {
			if pid <= 0 {
				return usage(cmd, "--pid is required: the number of the process")
			}
			if err := checkApplication(cmd, application); err != nil {
				return err
			}
			call := func(ctx context.Context) (api.Explanation, error) { return c.agent().Explain(ctx, pid, application) }
			e, err := answer(cmd, 0, call, func(e api.Explanation) string { return renderExplanation(e, c.view()) })
			if err == nil && !e.Allow {
				return exitError{exitDenied, "the process gets no token"}
			}
			return err
		})
	cmd.Example = "  sudo regent explain --pid 4711 --application cad"
	cmd.Flags().IntVar(&pid, "pid", 0, "the `number` of the process")
	jsonFlag(cmd, "print JSON")
	c.applicationFlag(cmd, &application)
	return cmd
}

func renderExplanation(e api.Explanation, v view) string {
	answer := "Process %d may use %s: %s, %s"
	if !e.Allow {
		answer = "Process %d may not use %s: %s%s"
	}
	facts := [][2]string{
		{"User", strings.TrimSpace(e.User + " (" + e.UID + ")")},
		{"Groups", strings.Join(e.Groups, " ")},
		{"Executable", e.Exe},
		{"Unit", e.Unit},
	}
	for i, f := range facts {
		facts[i][1] = printable(cmp.Or(f[1], "not known"))
	}
	return v.prose(printable(fmt.Sprintf(answer, e.PID, e.Application, e.Rule, e.Reason))) + "\n" + v.labelled("", facts)
}
