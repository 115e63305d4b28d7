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
	"regent/platform/page"
)

// watchInterval is the time between two requests of --watch.
const watchInterval = 2 * time.Second

// statusView has the flags of regent status.
type statusView struct {
	*cli
	json  bool
	watch bool
	html  string // file of the page; "" for none
}

func newStatus(c *cli) *cobra.Command {
	sv := statusView{cli: c}
	cmd := command("status", "Show the health of the agent, and the next step",
		`Show the health of the agent, and the next step.

If the agent does not run, regent asks systemd for the reason. In a terminal,
lines fit its width. In a pipe or a file they are not wrapped. The schema of the
--json output is status.schema.json, which the package installs.

Exit codes: 0 every instance has a valid access token, 3 regentd does not
answer, 5 a registration token is needed, 6 degraded, 7 not serving.`,
		func(cmd *cobra.Command, _ []string) error {
			if sv.watch && sv.html != "" {
				return usage(cmd, "--watch and --html exclude each other")
			}
			if err := page.CheckFile(sv.html); err != nil {
				return usage(cmd, "--html %s: %v", printable(sv.html), err)
			}
			if sv.watch {
				return sv.follow(cmd.Context(), cmd.OutOrStdout())
			}
			return sv.once(cmd.Context(), cmd.OutOrStdout())
		})
	cmd.Example = `  regent status
  regent status --json
  regent status --html status.html`
	cmd.Flags().BoolVar(&sv.json, "json", false, "print it as JSON, with absolute times")
	cmd.Flags().BoolVar(&sv.watch, "watch", false, "show it again every 2 s, until Ctrl-C; with --json a line each")
	cmd.Flags().StringVar(&sv.html, "html", "", "write status, findings of regent doctor and configuration into this `file` as one page, for a help desk")
	return cmd
}

// once shows the status. Its error has the exit code.
func (v statusView) once(ctx context.Context, w io.Writer) error {
	st, err := v.statusOrUnits(ctx)
	if v.html != "" {
		err = errors.Join(err, v.page(ctx, w, st, err))
	}
	if err != nil {
		return err
	}
	switch {
	case v.html != "": // written
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

// follow shows the status every watchInterval. It goes on if the agent does not answer.
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

// current returns the text of the status now.
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

// page writes the page for a help desk, also if no daemon answers: then failure says why. Only
// this user can read the file, since it names users and programs.
func (v statusView) page(ctx context.Context, w io.Writer, st status.Status, failure error) error {
	s := pageSource{device: v.localFacts.name(), status: st, facts: v.gather(ctx, "")}
	if failure != nil {
		s.status = status.Status{Health: status.NotServing, Summary: failure.Error()}
	}
	s.policy, s.noPolicy = v.policy(ctx, st)
	var b bytes.Buffer
	if err := page.Write(&b, pageText, newPage(s, view{now: v.viewAt(st.Now).now})); err != nil {
		return err
	}
	if err := files.Write(v.html, b.Bytes(), 0o600); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "Written to %s. Only you can read it. It names users and programs, and has no secret.\n", printable(v.html))
	return err
}

// policy returns the active configuration, or the reason why the page does not have it.
func (v statusView) policy(ctx context.Context, st status.Status) (*api.Policy, string) {
	if st.Version == "" {
		return nil, "No daemon answers."
	}
	p, err := ask(ctx, 0, v.agent().Policy)
	switch {
	case errors.Is(err, fault.Denied):
		return nil, "Only administrators can see it."
	case err != nil:
		return nil, err.Error()
	}
	return &p, ""
}

// viewAt returns a view at the daemon's time. Relative times are right even if the
// answer is old.
func (s runtimeEnv) viewAt(daemons time.Time) view {
	if daemons.IsZero() {
		daemons = s.now()
	}
	return view{now: daemons, width: s.width, colour: s.colour()}
}

// view returns a view at the current time.
func (s runtimeEnv) view() view { return s.viewAt(s.now()) }

func printJSON(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}
