package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/token"
	"regent/ipc/api"
	"regent/ipc/client"
)

func newWatch(c *cli) *cobra.Command {
	var application string
	cmd := command("watch --application ID", "Print each change of an application's instances",
		`Print the state of an application's instances, then each new token and each
change of state. It runs until you interrupt it or the agent exits. The state
"removed" means that the configuration no longer has the instance: stop using
its token.`,
		func(cmd *cobra.Command, _ []string) error {
			if err := checkApplication(cmd, application); err != nil {
				return err
			}
			waiting := waitingTexts{cli: c}
			for e, err := range c.agent().Watch(cmd.Context(), application) {
				if errors.Is(err, context.Canceled) {
					return nil // interrupted: the normal end
				}
				if err != nil {
					return c.watchEnd(cmd.Context(), application, err)
				}
				if err := waiting.print(cmd, e); err != nil {
					return err
				}
			}
			return nil
		})
	cmd.Example = "  regent watch --application cad"
	jsonFlag(cmd, "one JSON object a line")
	c.applicationFlag(cmd, &application)
	return cmd
}

// watchEnd returns the reason why a watch ended. If regentd answers and does not have the
// application any more, the configuration has changed.
func (c *cli) watchEnd(ctx context.Context, application string, err error) error {
	if !errors.Is(err, client.ErrNotReachable) {
		return err
	}
	st, failed := ask(ctx, answerTime, c.agent().Status)
	if failed != nil || slices.ContainsFunc(st.Applications, func(a status.Application) bool { return a.ID == application }) {
		return err
	}
	return fault.Errorf("watch", fault.UnknownApplication, "application %s was removed from the configuration. To list the applications, run: regent instances", application)
}

// waitingTexts prints events. It asks for the status to say why an instance has no auth
// token: at most once a second, since the first events come together.
type waitingTexts struct {
	*cli
	asked time.Time
	texts map[string]string // by instance, as regent status prints them
}

func (w *waitingTexts) print(cmd *cobra.Command, e api.Event) error {
	if wantsJSON(cmd) {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(e)
	}
	line := printable(e.Instance) + "  "
	switch token.State(e.State) {
	case token.Unredeemed:
		line += w.of(cmd.Context(), e.Instance)
	case token.Removed:
		line += "removed"
	default:
		line += stateText(status.Instance{State: e.State}, true, false)
		if e.Generation > 0 {
			line += fmt.Sprintf(", token %d", e.Generation)
		}
	}
	return write(cmd, line+"\n")
}

// of returns the text of an instance without an auth token.
func (w *waitingTexts) of(ctx context.Context, name string) string {
	if now := w.now(); now.Sub(w.asked) >= time.Second {
		w.asked, w.texts = now, map[string]string{}
		st, err := ask(ctx, answerTime, w.agent().Status)
		if err == nil { // otherwise the general text says it
			for a, i := range st.Instances() {
				w.texts[i.Name] = stateText(i, holdsRegistration(st, a.Tenant), a.OnDemand)
			}
		}
	}
	if text, known := w.texts[name]; known {
		return text
	}
	return stateText(status.Instance{State: string(token.Unredeemed)}, true, false)
}
