// Package terminal asks the person at a terminal, and knows how wide the terminal is.
//
// A question ends when the program is told to end. The caller wraps the returned bytes
// into a secret at once.
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

// Width returns how many characters fit into a line of f, or 0 if f is no
// terminal. One that does not say is 80 wide.
func Width(f *os.File) int {
	if !IsTerminal(f) {
		return 0
	}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		return w
	}
	return 80
}

// ReadSecret writes the question to out and returns the line that is typed at in,
// which does not show it. When ctx is done first, in shows what is typed again,
// and the error is that of ctx.
func ReadSecret(ctx context.Context, in *os.File, out io.Writer, question string) (answer []byte, err error) {
	// The modes are set here and not beside the read, which outlives ctx and
	// could hide what is typed after they were restored.
	restore, err := hideInput(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("read from the terminal: %w", err)
	}
	defer func() { err = errors.Join(err, restore()) }()
	_, _ = fmt.Fprint(out, question)                // who cannot be asked sees no question
	defer func() { _, _ = fmt.Fprint(out, "\n") }() // the end of the line was not shown either
	return Await(ctx, func() ([]byte, error) { return readLine(in) })
}

// Confirm writes the question to out and reports whether the line that is typed
// at in says yes. Anything else is no. When ctx is done first, the error is that
// of ctx.
func Confirm(ctx context.Context, in io.Reader, out io.Writer, question string) (bool, error) {
	Print(out, question+" [y/N]") // who cannot be asked sees no question, and says no
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

// maxLine bounds what is typed, in bytes.
const maxLine = 64 << 10

// readLine reads up to the end of a line, and no byte more: who asks next reads the
// same terminal.
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

// Await returns what read returns, or the error of ctx if that is done first. A
// read of a terminal or a pipe cannot be called back, so read may still be
// waiting then: it is for programs that end on ctx, and read must touch nothing
// that is used after it.
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
