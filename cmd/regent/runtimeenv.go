package main

import (
	"context"
	"io"
	"os"
	"time"

	"regent/platform/process"
	"regent/platform/terminal"
)

// runtimeEnv is all that a command takes from outside its arguments.
type runtimeEnv struct {
	in         io.Reader
	out, err   io.Writer
	getenv     func(string) string
	euid       int // -1 where users have no numbers
	now        func() time.Time
	dial       func(socket string) agent
	noDumps    func() error // of this process's memory; nil where it does not matter
	environ    func() []string
	exec       execFunc
	queryUnits unitQuery                                     // asks the service manager; nil where there is none
	localFacts localFacts                                    // of this device
	width      int                                           // of the terminal that out is; 0 if it is none
	prompt     func(context.Context, string) ([]byte, error) // asks at the terminal that in is, without echo; nil if it is none
	confirm    func(context.Context, string) (bool, error)   // asks for yes or no there; nil if it is none
	ask        func(context.Context, string) (string, error) // asks for a line there; nil if it is none
}

func newRuntimeEnv() runtimeEnv {
	s := runtimeEnv{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		getenv: os.Getenv,
		euid:   os.Geteuid(),
		now:    time.Now, //nolint:forbidigo // a client has no clock of the agent's
		dial:   dial, noDumps: process.DisableDump, environ: os.Environ, exec: execProgram, queryUnits: askManager, localFacts: newLocalFacts(),
		width: terminal.Width(os.Stdout),
	}
	if terminal.IsTerminal(os.Stdin) { // questions go where a redirected output does not swallow them
		s.prompt = func(ctx context.Context, question string) ([]byte, error) {
			return terminal.ReadSecret(ctx, os.Stdin, os.Stderr, question)
		}
		s.confirm = func(ctx context.Context, question string) (bool, error) {
			return terminal.Confirm(ctx, os.Stdin, os.Stderr, question)
		}
		s.ask = func(ctx context.Context, question string) (string, error) {
			return terminal.Ask(ctx, os.Stdin, os.Stderr, question)
		}
	}
	return s
}

// colour reports whether output may be coloured: on a terminal, unless the
// person asked for none.
func (s runtimeEnv) colour() bool {
	return s.width > 0 && s.getenv("NO_COLOR") == "" && s.getenv("TERM") != "dumb"
}
