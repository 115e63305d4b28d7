package main

import (
	"context"
	"errors"
	"strings"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/ipc/client"
	"regent/platform/terminal"
	"regent/platform/tokenfile"
)

// The exit codes of regent. They are part of its interface.
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

// usageError is an error in the command line. command is the one with the help for it.
type usageError struct{ command, text string }

func (e *usageError) Error() string { return e.text }

// stepError is an error with its next step, for people.
type stepError struct {
	error
	next string
}

func (e *stepError) Unwrap() error { return e.error }

// withNextStep returns err with a next step. It returns nil for nil.
func withNextStep(err error, next string) error {
	if err == nil {
		return nil
	}
	return &stepError{err, next}
}

// exitError ends regent with a code. The reason was already printed.
type exitError struct {
	code int
	text string
}

func (e exitError) Error() string { return e.text }

// healthError ends regent with the exit code of a health.
func healthError(h status.Health) error { return exitError{healthCode(h), "agent is " + string(h)} }

// exitCode returns the exit code for err.
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

// explain returns err in one or two lines: the problem, and the next step. It is "" if
// the reason was already printed.
func explain(err error) string {
	if _, ok := errors.AsType[exitError](err); ok {
		return ""
	}
	if all, ok := errors.AsType[unredeemedError](err); ok {
		return explainAll(all)
	}
	what, next := err.Error(), nextStep(err)
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		what, next = explainFault(f)
	}
	if errors.Is(err, context.Canceled) {
		what, next = "interrupted", ""
		if e, ok := errors.AsType[*stepError](err); ok {
			next = e.next
		}
	}
	return twoLines(what, next)
}

// nextStep returns the next step for an error that is no fault; "" if its text has it.
func nextStep(err error) string {
	if e, ok := errors.AsType[*stepError](err); ok {
		return e.next
	}
	if e, ok := errors.AsType[*usageError](err); ok {
		return "Help: " + e.command + " --help"
	}
	if errors.Is(err, tokenfile.ErrNotPermitted) {
		return "Run the same command as an administrator of this device."
	}
	return client.NextStep(err)
}

// explainAll returns the problem and the next step of each reason.
func explainAll(all unredeemedError) string {
	var b strings.Builder
	for _, f := range all {
		b.WriteString(twoLines(explainFault(f)))
	}
	return b.String()
}

// twoLines returns the text of an error. Without a next step it is one line.
func twoLines(what, next string) string {
	text := "regent: " + printable(what) + "\n"
	if next != "" {
		text += printable(next) + "\n"
	}
	return text
}

// explainFault returns the kind, for scripts, and the problem, for people. The next step is
// the text after its first sentence.
func explainFault(f *fault.Fault) (problem, next string) {
	what := string(f.Kind) + ": " + f.Text()
	if f.Instance != "" {
		what = f.Instance + ": " + what
	}
	if f.Retry > 0 {
		what += " (try again in " + terminal.Duration(f.Retry) + ")"
	}
	problem, next, _ = strings.Cut(what, ". ")
	return problem, next
}
