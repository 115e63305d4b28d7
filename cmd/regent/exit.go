package main

import (
	"errors"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/ipc/client"
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

// healthError ends regent with the code of a health; the screen has said the rest.
type healthError status.Health

func (u healthError) Error() string { return "agent is " + string(u) }

// exitCode says what err means to a script.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if u, ok := errors.AsType[healthError](err); ok {
		return healthCode(status.Health(u))
	}
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	if _, ok := errors.AsType[refusalError](err); ok {
		return exitDenied
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
