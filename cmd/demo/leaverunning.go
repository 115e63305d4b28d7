package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// keptTokenLife is the lifetime of access tokens in the set that is left running. A refresh
// about every 40 s is often enough for a reader to see one.
const keptTokenLife = time.Minute

// leaveRunning prepares a second set until two applications have their tokens. It leaves the
// set running, and prints the reader's next commands.
func leaveRunning(ctx context.Context, bin, dialect string, w io.Writer) error {
	s, err := newStory(bin, dialect, keptTokenLife, io.Discard)
	if err != nil {
		return err
	}
	startLasting := func(ctx context.Context) error { return s.startTwoApps(ctx, true) }
	for _, do := range []func(context.Context) error{s.serviceStarts, s.tokenIsMade, s.agentWaits, s.tokenArrives, startLasting} {
		if err := do(ctx); err != nil {
			_ = s.close() // err has the cause
			return &stepError{0, "the same again, to be left running", s.logs(), err}
		}
	}
	_, err = fmt.Fprint(w, s.printNextSteps())
	return err
}

// printNextSteps prints the reader's next commands.
func (s *story) printNextSteps() string {
	var pids strings.Builder
	for _, p := range slices.Backward(s.running) {
		fmt.Fprintf(&pids, " %d", p.cmd.Process.Pid)
	}
	admin := fmt.Sprintf("--user admin --password-file %s --ca-file %s", "$D/admin/password", "$D/service/ca.pem")
	return fmt.Sprintf(`
The same again was left running: the service, the agent, and two applications
(%d and %d) that have a lease each. Type, for example:

  export D=%s
  export REGENT_SOCKET=$D/device/agent.sock TMSCTL_TENANT=%s

  %[5]s status
  %[5]s instances
  %[6]s registration-token list %[7]s
  %[6]s auth-token list %[7]s
  tail -f $D/device/regentd.log $D/service/emulator.log

The first application has instance 1. Its lease ends with it, and then somebody
else gets the token:

  kill %[1]d
  %[5]s token --application cad --instance 1 --output json

All of it ends with:

  kill%[8]s; rm -r $D
`, s.apps[0].cmd.Process.Pid, s.apps[1].cmd.Process.Pid, s.dir, s.tenant,
		s.program("regent"), s.program("tmsctl"), admin, pids.String())
}
