package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// transcript writes the story down. Paths are shown as a reader would type them:
// below $D.
type transcript struct {
	w    io.Writer
	bin  string
	dir  string // the value of $D; "" if not known yet
	step int
}

// begin opens the next step.
func (n *transcript) begin(title string) {
	n.step++
	n.line("\n%d. %s", n.step, title)
}

// text is the narrator's own voice.
func (n *transcript) text(format string, args ...any) { n.line("   "+format, args...) }

// command shows a command line. end is " &" for a program that keeps running.
func (n *transcript) command(name string, args []string, end string) {
	n.line("   $ %s%s", n.short(strings.Join(append([]string{filepath.Join(n.bin, name)}, args...), " ")), end)
}

// output shows the output of a program.
func (n *transcript) output(text string) {
	for line := range strings.Lines(text) {
		n.line("%s", strings.TrimRight("     "+n.short(line), " \r\n"))
	}
}

func (n *transcript) short(text string) string {
	if n.dir == "" {
		return text
	}
	return strings.ReplaceAll(text, n.dir, "$D")
}

func (n *transcript) line(format string, args ...any) {
	fmt.Fprintf(n.w, format+"\n", args...) //nolint:errcheck // the run goes on without a reader
}
