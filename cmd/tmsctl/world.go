package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"regent/agent/clock"
	"regent/agent/token"
)

// world is what a run has around it: a test gives another one.
type world struct {
	in       io.Reader
	out, err io.Writer
	terminal bool                         // somebody sits at in
	password func() (token.Secret, error) // reads a line without showing it
	getenv   func(string) string
	clock    clock.Clock
}

func system() world {
	in := int(os.Stdin.Fd())
	return world{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		terminal: term.IsTerminal(in),
		password: func() (token.Secret, error) {
			line, err := term.ReadPassword(in)
			return token.NewSecret(string(line)), err
		},
		getenv: os.Getenv,
		clock:  clock.New("", nil), // only civil time is asked for
	}
}

// say tells the person. If that fails, there is no other way to say so.
func (w world) say(format string, args ...any) { _, _ = fmt.Fprintf(w.err, format, args...) }

// confirm asks a question whose answer is no unless it is yes. Without a
// terminal there is nobody to ask.
func (w world) confirm(question string) (bool, error) {
	if !w.terminal {
		return false, usagef("stdin is not a terminal, so nobody can be asked: add --yes to delete without a question")
	}
	w.say("%s [y/N] ", question)
	switch w.readLine() {
	case "y", "Y", "yes":
		return true, nil
	}
	return false, nil
}

// readLine reads no byte too many: a later prompt reads the same terminal.
func (w world) readLine() string {
	var line []byte
	for b := make([]byte, 1); len(line) < 80; line = append(line, b[0]) {
		if n, err := w.in.Read(b); n == 0 || err != nil || b[0] == '\n' {
			break
		}
	}
	return strings.TrimSpace(string(line))
}
