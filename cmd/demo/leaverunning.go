package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// keptTokenLifetime is the lifetime of access tokens in the set that is left running. regentd
// refreshes at 75 % of it at the latest, so a token that a reader gets is valid for at least an hour.
const keptTokenLifetime = 4 * time.Hour

// leaveRunning prepares a second set until one application has its token and one instance is
// free. It leaves the set running, and prints the reader's next commands.
func leaveRunning(ctx context.Context, bin, dialect string, w io.Writer) error {
	s, err := newStory(bin, dialect, keptTokenLifetime, io.Discard)
	if err != nil {
		return err
	}
	for _, do := range []func(context.Context) error{s.serviceStarts, s.tokenIsMade, s.agentWaits, s.tokenArrives, s.startLastingApp} {
		if err := do(ctx); err != nil {
			_ = s.close() // err has the cause
			return &stepError{0, "the second set, which stays running", s.logs(), err}
		}
	}
	_, err = fmt.Fprint(w, s.printNextSteps())
	return err
}

// startLastingApp starts an application that has a token and runs on after the story.
func (s *story) startLastingApp(ctx context.Context) error {
	a, err := s.startApp(ctx, true)
	if err != nil {
		return err
	}
	s.got[0], err = a.mustGet(ctx)
	return err
}

// printNextSteps prints the reader's next commands. Lines that begin with two spaces are
// commands.
func (s *story) printNextSteps() string {
	var pids strings.Builder
	for _, p := range slices.Backward(s.running) {
		fmt.Fprintf(&pids, " %d", p.cmd.Process.Pid)
	}
	return strings.NewReplacer(
		"{pid}", strconv.Itoa(s.apps[0].cmd.Process.Pid), "{leased}", s.got[0].Instance,
		"{life}", fmt.Sprintf("%.0f h", s.tokenLife.Hours()), "{directory}", s.dir, "{tenant}", s.tenant,
		"{regent}", s.program("regent"), "{tmsctl}", s.program("tmsctl"), "{pids}", pids.String(),
		"{admin}", "--user admin --password-file $D/admin/password --ca-file $D/service/ca.pem",
	).Replace(nextSteps)
}

const nextSteps = `
A second service, agent and application are still running.
The application (process {pid}) leases instance {leased}. The other instance is free.
An access token is valid for 1 h to {life}. First type:

  export D={directory}
  export REGENT_SOCKET=$D/device/agent.sock TMSCTL_TENANT={tenant}

Get the token of the free instance, by HTTP and with the Python library:

  curl -sS --unix-socket $D/device/agent.sock http://regent/v1/token -d '{"application":"cad"}'
  PYTHONPATH=ipc/sdk/python python3 -c 'from regent import TokenSource; print(TokenSource("cad").token())'

Run a program that has the free instance until it ends:

  {regent} exec --application cad -- env

Show the device, then the service as its administrator:

  {regent} status
  {regent} instances
  {tmsctl} registration-token list {admin}
  {tmsctl} auth-token list {admin}
  tail $D/device/regentd.log $D/service/emulator.log

Stop the application. Its instance becomes free:

  kill {pid}

To stop everything:

  kill{pids}; rm -r $D
`
