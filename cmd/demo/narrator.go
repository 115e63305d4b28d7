package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// narrator writes the story down. Paths are shown as a reader would type them:
// below $D.
type narrator struct {
	w    io.Writer
	bin  string
	dir  string // what $D stands for; "" is not known yet
	step int
}

// begin opens the next step.
func (n *narrator) begin(title string) {
	n.step++
	n.line("\n%d. %s", n.step, title)
}

// say is the narrator's own voice.
func (n *narrator) say(format string, args ...any) { n.line("   "+format, args...) }

// typed shows a command line.
func (n *narrator) typed(name string, args []string) { n.line("   $ %s", n.command(name, args)) }

// background shows a command line of something that goes on running.
func (n *narrator) background(name string, args []string) {
	n.line("   $ %s &", n.command(name, args))
}

func (n *narrator) command(name string, args []string) string {
	return n.short(strings.Join(append([]string{filepath.Join(n.bin, name)}, args...), " "))
}

// saw shows what a program wrote.
func (n *narrator) saw(text string) {
	for line := range strings.Lines(text) {
		n.line("%s", strings.TrimRight("     "+n.short(line), " \r\n"))
	}
}

func (n *narrator) short(text string) string {
	if n.dir == "" {
		return text
	}
	return strings.ReplaceAll(text, n.dir, "$D")
}

func (n *narrator) line(format string, args ...any) {
	fmt.Fprintf(n.w, format+"\n", args...) //nolint:errcheck // a story that nobody reads is told all the same
}
