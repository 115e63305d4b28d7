package stories

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// guide is a document for people with the blocks that the tests of documents check.
type guide struct {
	name   string   // from the root of the repository
	prose  []string // its lines; those of blocks are empty
	blocks []guideBlock
}

// guideBlock is a fenced block.
type guideBlock struct {
	line     int // of its first text line
	language string
	marks    map[string]string // the HTML comments before it: world, file, fragment
	text     []string
}

// guideCommand is a command of a block, with the output that the document shows.
type guideCommand struct {
	line   int
	text   string
	output []string
}

// guideFaults collects the faults of documents.
type guideFaults struct{ all []string }

func (f *guideFaults) add(g *guide, line int, format string, args ...any) {
	f.all = append(f.all, fmt.Sprintf("%s:%d: ", g.name, line)+fmt.Sprintf(format, args...))
}

// guideWorlds are the states in which a block of commands can start.
var guideWorlds = []string{"empty", "unregistered", "live", "admin", "stranger", "exhausted", "system"}

// guideLanguages are the languages of blocks. A block of "" is a picture.
var guideLanguages = []string{"", "text", "console", "sh", "powershell", "yaml", "ini", "json", "csv", "xml", "go", "csharp", "python"}

var (
	guideFence = regexp.MustCompile("^( *)```([a-z]*)$")
	guideMark  = regexp.MustCompile(`^\s*<!-- (world|file|fragment)(?:: (\S+))? -->$`)
)

// readGuides reads README.md and the guides.
func readGuides(t *testing.T) (all []*guide, faults *guideFaults) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(repository, "packaging/docs/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	faults = &guideFaults{}
	for _, name := range append([]string{filepath.Join(repository, "README.md")}, names...) {
		rel, err := filepath.Rel(repository, name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parseGuide(rel, readTree(t, rel), faults))
	}
	return all, faults
}

// parseGuide reads a document.
func parseGuide(name, text string, faults *guideFaults) *guide {
	g := &guide{name: name}
	marks := map[string]string{}
	var open *guideBlock
	var indent string
	for i, line := range strings.Split(text, "\n") {
		fence := guideFence.FindStringSubmatch(line)
		switch mark := guideMark.FindStringSubmatch(line); {
		case open != nil && strings.TrimSpace(line) == "```":
			g.blocks = append(g.blocks, *open)
			open, line = nil, ""
		case open != nil:
			open.text = append(open.text, strings.TrimPrefix(line, indent))
			line = ""
		case fence != nil:
			indent = fence[1]
			open = &guideBlock{line: i + 2, language: fence[2], marks: marks}
			g.checkBlock(open, faults)
			marks, line = map[string]string{}, ""
		case mark != nil:
			marks[mark[1]] = mark[2]
		case len(marks) > 0:
			faults.add(g, i+1, "a comment that is a mark stands before no block")
			marks = map[string]string{}
		}
		g.prose = append(g.prose, line)
	}
	if open != nil {
		faults.add(g, open.line, "a block has no end")
	}
	return g
}

func (g *guide) checkBlock(b *guideBlock, faults *guideFaults) {
	if !slices.Contains(guideLanguages, b.language) {
		faults.add(g, b.line, "the language %q of a block is none of %q", b.language, guideLanguages)
	}
	if world, marked := b.marks["world"]; marked && !slices.Contains(guideWorlds, world) {
		faults.add(g, b.line, "the world %q is none of %q", world, guideWorlds)
	}
}

// commands returns the commands of a block. In one of console each begins with "$ ", and goes
// on after a backslash or in lines that begin with "> ". In one of sh or powershell each line
// is one.
func (b *guideBlock) commands() (all []guideCommand) {
	continued := false
	for i, line := range b.text {
		command, prompted := strings.CutPrefix(line, "$ ")
		more, further := strings.CutPrefix(line, "> ")
		last := len(all) - 1
		switch {
		case continued:
			all[last].text += "\n" + strings.TrimPrefix(line, "> ")
		case b.language == "console" && prompted:
			all = append(all, guideCommand{line: b.line + i, text: command})
		case b.language == "console" && last >= 0 && further && len(all[last].output) == 0:
			all[last].text += "\n" + more
		case b.language == "console" && last >= 0:
			all[last].output = append(all[last].output, line)
		default: // output without a command is taken for one, and fails
			all = append(all, guideCommand{line: b.line + i, text: line})
		}
		ending := "\\"
		if b.language == "powershell" {
			ending = "`"
		}
		continued = strings.HasSuffix(line, ending) && (b.language != "console" || prompted || continued || further)
	}
	return all
}
