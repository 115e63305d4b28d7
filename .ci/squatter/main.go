//go:build windows

// Command squatter makes the agent's pipe before the agent does, and says nothing
// to anybody who comes.
package main

import (
	"fmt"
	"os"

	"github.com/Microsoft/go-winio"

	"regent/platform/windowsnames"
)

func main() {
	l, err := winio.ListenPipe(windowsnames.Pipe, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, "squatter:", err)
		os.Exit(1)
	}
	fmt.Println("listening")
	for {
		if _, err := l.Accept(); err != nil {
			fmt.Fprintln(os.Stderr, "squatter:", err)
			os.Exit(1)
		}
	}
}
