package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/ipc/api"
	"regent/platform/files"
)

// watchInterval is how often --watch asks again.
const watchInterval = 2 * time.Second

// statusView is how regent status is to show what it is told.
type statusView struct {
	*cli
	json  bool
	watch bool
	html  string // file of the page; "" for none
}

func newStatus(c *cli) *cobra.Command {
	sv := statusView{cli: c}
	cmd := command("status", "Show how the agent is, and what to do next",
		`Show how the agent is, and what to do next.

Exit codes: 0 every instance can be served, 5 a registration token is needed,
6 degraded, 7 not serving, 3 the agent cannot be reached. Where systemd cannot
start the agent, it is asked why. What --json prints has a schema:
status.schema.json, which the package installs.`,
		func(cmd *cobra.Command, _ []string) error {
			if sv.watch && sv.html != "" {
				return usage(cmd, "--watch and --html exclude each other")
			}
			if sv.watch {
				return sv.follow(cmd.Context(), cmd.OutOrStdout())
			}
			return sv.once(cmd.Context(), cmd.OutOrStdout())
		})
	cmd.Flags().BoolVar(&sv.json, "json", false, "print it as JSON, with absolute times")
	cmd.Flags().BoolVar(&sv.watch, "watch", false, "show it again every 2 s, until Ctrl-C; with --json a line each")
	cmd.Flags().StringVar(&sv.html, "html", "", "write status and configuration into this `file` as one page, for a help desk")
	return cmd
}

// once shows the status, and ends with its code.
func (v statusView) once(ctx context.Context, w io.Writer) error {
	st, err := v.statusOrUnits(ctx)
	if err != nil {
		return err
	}
	switch {
	case v.html != "":
		err = v.page(ctx, w, st)
	case v.json:
		err = printJSON(w, st)
	default:
		_, err = io.WriteString(w, renderStatus(st, v.viewAt(st.Now)))
	}
	if err != nil {
		return err
	}
	if healthCode(st.Health) != exitDone {
		return healthError(st.Health)
	}
	return nil
}

// follow shows the status again and again. An agent that is away for a moment
// is waited for.
func (v statusView) follow(ctx context.Context, w io.Writer) error {
	again := time.NewTicker(watchInterval)
	defer again.Stop()
	for {
		text, err := v.current(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			text = explain(err)
		}
		if v.width > 0 && !v.json {
			text = "\x1b[H\x1b[2J" + text // from the top of an empty screen
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// current is the status as it is to be shown now.
func (v statusView) current(ctx context.Context) (string, error) {
	st, err := v.statusOrUnits(ctx)
	if err != nil {
		return "", err
	}
	if v.json {
		line, err := json.Marshal(st)
		return string(line) + "\n", err
	}
	return renderStatus(st, v.viewAt(st.Now)) + "\n", nil
}

// page writes the page for a help desk into a file of this user's alone: names
// of users and programs are on it.
func (v statusView) page(ctx context.Context, w io.Writer, st status.Status) error {
	policy, why := v.policy(ctx, st)
	var b bytes.Buffer
	if err := writePage(&b, st, policy, why, view{now: v.viewAt(st.Now).now}); err != nil {
		return err
	}
	if err := files.Write(v.html, b.Bytes(), 0o600); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "Written to %s, readable by you alone. It names users and programs, and holds no secret.\n", printable(v.html))
	return err
}

// policy is the configuration in force, or why it is not on the page.
func (v statusView) policy(ctx context.Context, st status.Status) (*api.Policy, string) {
	if st.Version == "" {
		return nil, "No daemon answers."
	}
	p, err := ask(ctx, 0, v.agent().Policy)
	switch {
	case errors.Is(err, fault.Denied):
		return nil, "It is shown to administrators only."
	case err != nil:
		return nil, err.Error()
	}
	return &p, ""
}

// viewAt is the view of what the daemon said at its own time: relative times
// hold even if that was no fresh answer.
func (s runtimeEnv) viewAt(daemons time.Time) view {
	if daemons.IsZero() {
		daemons = s.now()
	}
	return view{now: daemons, width: s.width, colour: s.colour()}
}

// view is the view of what is so now.
func (s runtimeEnv) view() view { return s.viewAt(s.now()) }

func printJSON(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}
