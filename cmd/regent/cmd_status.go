package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/status"
)

func newStatus(s surroundings, dial dialer, inquire inquirer) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how the agent is, and what to do next",
		Long: `Show how the agent is, and what to do next.

Exit codes: 0 every instance can be served, 5 a registration token is needed,
6 degraded, 7 not serving, 3 the agent cannot be reached. Where systemd cannot
start the agent, it is asked why.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := askOrInquire(cmd.Context(), dial, inquire)
			if err != nil {
				return err
			}
			if err := showStatus(cmd.OutOrStdout(), st, s, asJSON); err != nil {
				return err
			}
			if healthCode(st.Health) != exitDone {
				return unwell(st.Health)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON, with absolute times")
	return cmd
}

func showStatus(w io.Writer, st status.Status, s surroundings, asJSON bool) error {
	if asJSON {
		return printJSON(w, st)
	}
	_, err := io.WriteString(w, renderStatus(st, s.viewAt(st.Now)))
	return err
}

// viewAt is the view of what the daemon said at its own time: relative times
// hold even if that was no fresh answer.
func (s surroundings) viewAt(daemons time.Time) view {
	if daemons.IsZero() {
		daemons = s.now()
	}
	return view{now: daemons, width: s.width, colour: s.colour()}
}

func printJSON(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}
