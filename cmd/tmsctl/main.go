// Command tmsctl is for the Contact Administrator. It creates, lists and deletes
// registration tokens, and lists and deletes the auth tokens of devices. The exit
// code is 0 for done, 1 for failed and 2 for bad usage. It is 3 if the service did
// something else, does not show the result, or shows an incomplete list.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"regent/agent/timing"
	"regent/agent/token"
	"regent/platform/keyring"
	"regent/platform/process"
	"regent/platform/terminal"
)

func main() { os.Exit(mainCode()) }

func mainCode() int {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // by nohup
		ends = append(ends, syscall.SIGHUP) // the terminal was closed
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...) //nolint:forbidigo // contexts begin in main
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the program at once
	// It handles passwords and registration tokens. The one program that it starts is a
	// browser.
	if err := process.DisableDump(); err != nil {
		fmt.Fprintln(os.Stderr, "tmsctl:", err)
		return 1
	}
	return run(ctx, newRuntimeEnv(), os.Args[1:])
}

// runtimeEnv is what a run has around it: a test gives another one.
type runtimeEnv struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // somebody sits at in
	width    int  // of the terminal that out is, in characters; 0 if it is none
	// password asks at in for a line that is not shown.
	password func(ctx context.Context, question string) (token.Secret, error)
	getenv   func(string) string
	clock    timing.Clock

	openBrowser func(page string) error // opens a page in the person's browser

	outlive func() // from now on, printing to a reader that has ended is an error, and not the end

	work      int                        // that a guess at a bundle's passphrase costs, as a power of 2; 0 is age's own: about a second
	configDir func() (string, error)     // of the person
	keyring   func() (loginStore, error) // keyring.ErrNoKeyring if there is none
}

func newRuntimeEnv() runtimeEnv {
	return runtimeEnv{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		terminal: terminal.IsTerminal(os.Stdin), width: terminal.Width(os.Stdout),
		password: func(ctx context.Context, question string) (token.Secret, error) {
			line, err := terminal.ReadSecret(ctx, os.Stdin, os.Stderr, question)
			return token.NewSecret(string(line)), err
		},
		getenv: os.Getenv,
		clock:  timing.NewClock("", nil), // only civil time is asked for

		openBrowser: func(page string) error { return openBrowser(os.Getenv, page) },

		outlive: func() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) },

		configDir: os.UserConfigDir,
		keyring:   func() (loginStore, error) { return keyring.OpenPersonal("regent-tmsctl", 0) },
	}
}

// say tells the person. If that fails, there is no other way to say so.
func (w runtimeEnv) say(format string, args ...any) {
	terminal.Print(w.err, fmt.Sprintf(format, args...))
}

// confirm asks a question whose answer is no unless it is yes. No is the error refused.
// Without a terminal there is nobody to ask.
func (w runtimeEnv) confirm(ctx context.Context, question, refused string) error {
	if !w.terminal {
		return usagef("stdin is not a terminal, so nobody can be asked: add --yes to do it without a question")
	}
	sure, err := terminal.Confirm(ctx, w.in, w.err, question)
	if err == nil && !sure {
		err = errors.New(refused)
	}
	return err
}
