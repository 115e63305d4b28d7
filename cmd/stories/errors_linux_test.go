package stories

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// errorNext is the line that names the next step of an error, in the words of its text.
var errorNext = regexp.MustCompile("^Next step: `(.+)`$")

// TestErrors produces the commonest errors with the real programs. Each has the text that
// testdata/guides/errors.md shows: at most two lines, with the next step in it.
func TestErrors(t *testing.T) {
	needsWorlds(t)
	t.Parallel()
	faults := &guideFaults{}
	g := parseGuide("errors.md", readTree(t, "cmd/stories/testdata/guides/errors.md"), faults)
	checkErrors(g, faults)
	runGuide(t, programs(t), g, faults)
	for _, fault := range faults.all {
		t.Error(fault)
	}
}

// checkErrors checks the form of each error, which is the output of its block's last command.
func checkErrors(g *guide, faults *guideFaults) {
	const count, maxLines, maxWidth = 25, 2, 240
	var next []string
	for _, line := range g.prose {
		if m := errorNext.FindStringSubmatch(line); m != nil {
			next = append(next, m[1])
		}
	}
	if len(g.blocks) != count || len(next) != count {
		faults.add(g, 1, "%d errors and %d next steps, want %d", len(g.blocks), len(next), count)
		return
	}
	for i, b := range g.blocks {
		all := b.commands()
		last := all[len(all)-1]
		if len(last.output) > maxLines {
			faults.add(g, last.line, "an error of %d lines, want at most %d", len(last.output), maxLines)
		}
		if text := strings.Join(last.output, "\n"); !strings.Contains(text, next[i]) {
			faults.add(g, last.line, "the error does not say %q", next[i])
		}
		for _, line := range last.output {
			if n := utf8.RuneCountInString(line); n > maxWidth {
				faults.add(g, last.line, "a line of %d characters, want at most %d", n, maxWidth)
			}
		}
	}
}
