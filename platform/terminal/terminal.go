// Package terminal asks questions at a terminal, and fits text to its width.
//
// A question ends when its context is done. The caller must wrap the returned bytes into a
// secret at once.
package terminal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Width returns the number of characters in a line of f, or 0 if f is not a terminal. It
// returns 80 if the terminal does not report its width.
func Width(f *os.File) int {
	if !IsTerminal(f) {
		return 0
	}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		return w
	}
	return 80
}

// ReadSecret writes the question to out and returns the line typed at in, without showing
// it. The end of the input is an error that wraps [io.EOF]. If ctx is done first, it restores
// the terminal and returns ctx's error. On Unix it returns [context.Canceled] also at Ctrl-\
// and when the terminal hangs up.
func ReadSecret(ctx context.Context, in *os.File, out io.Writer, question string) (answer []byte, err error) {
	ctx, stop := untilQuit(ctx)
	defer stop()
	// Set the modes here and not in the read: the read can outlast ctx, and could hide
	// later input after the restore.
	restore, err := hideInput(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("read from the terminal: %w", err)
	}
	defer func() { err = errors.Join(err, restore()) }()
	text := strings.TrimRight(question, " ")
	Print(out, text) // without an output there is no question
	Print(out, question[len(text):])
	defer func() { _, _ = fmt.Fprint(out, "\n") }() // the line feed was not shown
	return Await(ctx, func() ([]byte, error) { return readAnswer(in) })
}

// Confirm writes the question to out and reports whether the line typed at in means yes. Any
// other line means no. If ctx is done first, it returns ctx's error.
func Confirm(ctx context.Context, in io.Reader, out io.Writer, question string) (bool, error) {
	Print(out, question+" [y/N]") // without an output there is no question, and says no
	Print(out, " ")
	answer, err := Await(ctx, func() ([]byte, error) { return readLine(in) })
	if err != nil {
		_, _ = fmt.Fprint(out, "\n")
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(string(answer))) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}

// Ask writes the question to out and returns the line typed at in, without white space
// around it. The end of the input is an error that wraps [io.EOF]. If ctx is done first,
// it returns ctx's error.
func Ask(ctx context.Context, in io.Reader, out io.Writer, question string) (string, error) {
	Print(out, question+":")
	Print(out, " ")
	answer, err := Await(ctx, func() ([]byte, error) { return readAnswer(in) })
	if err != nil {
		_, _ = fmt.Fprint(out, "\n")
	}
	return strings.TrimSpace(string(answer)), err
}

// readAnswer returns a line. The end of the input is an error that wraps [io.EOF].
func readAnswer(in io.Reader) ([]byte, error) {
	seen := endReader{in: in}
	line, err := readLine(&seen)
	if err == nil && len(line) == 0 && seen.ended {
		err = fmt.Errorf("read from the terminal: %w", io.EOF)
	}
	return line, err
}

// endReader notes the end of its input.
type endReader struct {
	in    io.Reader
	ended bool
}

func (r *endReader) Read(b []byte) (int, error) {
	n, err := r.in.Read(b)
	r.ended = r.ended || errors.Is(err, io.EOF)
	return n, err
}

// maxLine is the maximum length of an input line in bytes.
const maxLine = 64 << 10

// readLine reads up to the end of a line and no further byte: the next question reads from
// the same terminal.
func readLine(r io.Reader) ([]byte, error) {
	var typed []byte
	for b := make([]byte, 1); len(typed) < maxLine; {
		n, err := r.Read(b)
		switch {
		case n == 0 && errors.Is(err, io.EOF), n == 1 && b[0] == '\n':
			return bytes.TrimSuffix(typed, []byte("\r")), nil
		case n == 0 && err != nil:
			return nil, fmt.Errorf("read from the terminal: %w", err)
		}
		typed = append(typed, b[:n]...)
	}
	return nil, fmt.Errorf("read from the terminal: more than %d KiB in one line", maxLine>>10)
}

// Await returns the result of read, or ctx's error if ctx is done first. A read of a terminal
// or a pipe cannot be cancelled, so read may still be running then. Use Await only in
// programs that end with ctx. read must not touch data that is used afterwards.
func Await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := read()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
