package main

import (
	"context"
	"errors"
	"strings"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/ipc/client"
	"regent/platform/tokenfile"
)

// The codes that regent ends with. They are part of its interface.
const (
	exitDone          = 0
	exitFailed        = 1
	exitUsage         = 2
	exitNotReachable  = 3
	exitDenied        = 4
	exitNotRegistered = 5
	exitDegraded      = 6
	exitNotServing    = 7
)

// usageError is a command line that makes no sense. command is the one to ask
// for help.
type usageError struct{ command, text string }

func (e *usageError) Error() string { return e.text }

// exitError ends regent with a code; the screen, or another program, has said why.
type exitError struct {
	code int
	text string
}

func (e exitError) Error() string { return e.text }

// healthError ends regent with the code of a health.
func healthError(h status.Health) error { return exitError{healthCode(h), "agent is " + string(h)} }

// exitCode says what err means to a script.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if e, ok := errors.AsType[exitError](err); ok {
		return e.code
	}
	if errors.Is(err, client.ErrNotReachable) {
		return exitNotReachable
	}
	switch fault.KindOf(err) {
	case fault.InvalidRequest, fault.UnknownApplication, fault.UnknownInstance:
		return exitUsage
	case fault.Denied:
		return exitDenied
	case fault.NotRegistered:
		return exitNotRegistered
	}
	return exitFailed
}

func healthCode(h status.Health) int {
	switch h {
	case status.Serving:
		return exitDone
	case status.Waiting:
		return exitNotRegistered
	case status.Degraded:
		return exitDegraded
	}
	return exitNotServing
}

// explain puts err into one or two lines: what is wrong, and the next step.
// It is empty where all has been said.
func explain(err error) string {
	if _, ok := errors.AsType[exitError](err); ok {
		return ""
	}
	if all, ok := errors.AsType[unredeemedError](err); ok {
		return explainAll(all)
	}
	what, next := err.Error(), nextStep(err)
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		what, next = explainFault(f), "" // its text has the next step
	}
	if errors.Is(err, context.Canceled) {
		what, next = "interrupted", ""
	}
	text := "regent: " + printable(what) + "\n"
	if next != "" {
		text += printable(next) + "\n"
	}
	return text
}

// nextStep is what to do about an error that is no fault; "" if it says so
// itself.
func nextStep(err error) string {
	if e, ok := errors.AsType[*usageError](err); ok {
		return "see " + e.command + " --help"
	}
	if errors.Is(err, tokenfile.ErrNotPermitted) {
		return "run the same command as an administrator of this device"
	}
	return ""
}

// explainAll is one line for each reason.
func explainAll(all unredeemedError) string {
	var b strings.Builder
	for _, f := range all {
		b.WriteString("regent: " + printable(explainFault(f)) + "\n")
	}
	return b.String()
}

// explainFault is the kind, for scripts, and the text, for people.
func explainFault(f *fault.Fault) string {
	what := string(f.Kind) + ": " + f.Text()
	if f.Instance != "" {
		what = f.Instance + ": " + what
	}
	if f.Retry > 0 {
		what += " (try again in " + formatDuration(f.Retry) + ")"
	}
	return what
}
