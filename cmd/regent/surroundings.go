package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// surroundings is all that a command takes from outside its arguments.
type surroundings struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	euid     int // -1 where users have no numbers
	now      func() time.Time
	dial     func(socket string) agent
	inquire  inquirer                     // asks the service manager; nil where there is none
	width    int                          // of the terminal that out is; 0 if it is none
	prompt   func(string) ([]byte, error) // asks at the terminal that in is, without echo; nil if it is none
}

func system() surroundings {
	s := surroundings{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		getenv: os.Getenv,
		euid:   os.Geteuid(),
		now:    time.Now, //nolint:forbidigo // a client has no clock of the agent's
		dial:   dial, inquire: askManager,
	}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		s.width = 80
		if w, _, err := term.GetSize(fd); err == nil && w > 0 {
			s.width = w
		}
	}
	if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		s.prompt = func(question string) ([]byte, error) { return ask(fd, question) }
	}
	return s
}

// ask prints the question where a redirected output does not swallow it.
func ask(fd int, question string) ([]byte, error) {
	fmt.Fprint(os.Stderr, question)
	answer, err := term.ReadPassword(fd)
	fmt.Fprintln(os.Stderr)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read from the terminal: %w", err)
	}
	return answer, nil
}

// colour reports whether output may be coloured: on a terminal, unless the
// person asked for none.
func (s surroundings) colour() bool {
	return s.width > 0 && s.getenv("NO_COLOR") == "" && s.getenv("TERM") != "dumb"
}
