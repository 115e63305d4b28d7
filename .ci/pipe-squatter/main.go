//go:build windows

// Command squatter makes the agent's pipe before the agent does, and says nothing
// to anybody who comes; with the argument busy nobody comes in.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/Microsoft/go-winio"

	"regent/platform/layout"
)

func main() {
	busy := len(os.Args) > 1 && os.Args[1] == "busy"
	fmt.Fprintln(os.Stderr, "squatter:", squat(os.Stdout, busy))
	os.Exit(1)
}

// squat says when it has the pipe, and ends by an error alone.
func squat(w io.Writer, busy bool) error {
	l, err := winio.ListenPipe(layout.Pipe, nil)
	if err != nil {
		return err
	}
	if busy { // by the first instance, which Wine would give to who comes
		if _, err := winio.DialPipe(layout.Pipe, nil); err != nil && !errors.Is(err, winio.ErrTimeout) {
			return err
		}
	}
	if _, err := fmt.Fprintln(w, "listening"); err != nil {
		return err
	}
	for !busy {
		if _, err := l.Accept(); err != nil {
			return err
		}
	}
	select {}
}
