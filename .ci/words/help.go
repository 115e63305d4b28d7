package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	section   = regexp.MustCompile(`^([A-Z][A-Za-z ]*):$`)
	entryName = regexp.MustCompile(`^\s{2,8}\S.*?\s{2,}`)
	entryOnly = regexp.MustCompile(`^\s{2,8}(-\S|--)`)
)

// help adds the help of every command of every program.
func (t *texts) help(programs string) error {
	if programs == "" {
		dir, err := os.MkdirTemp("", "words")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-o", dir)
		for p := range strings.FieldsSeq(programsList) {
			build.Args = append(build.Args, "./cmd/"+p)
		}
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("go build: %w\n%s", err, out)
		}
		programs = dir
	}
	seen := map[string]bool{}
	for p := range strings.FieldsSeq(programsList) {
		if err := t.helpOf(programs, []string{p}, seen); err != nil {
			return err
		}
	}
	return nil
}

// helpOf adds the help of one command and of those below it. A text that seen has is
// a repetition: the flags of all commands, or the summary of a command in its parent.
func (t *texts) helpOf(dir string, command []string, seen map[string]bool) error {
	out, err := exec.Command(filepath.Join(dir, command[0]), append(command[1:], "--help")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s --help: %w\n%s", strings.Join(command, " "), err, out)
	}
	own := &texts{}
	below := own.helpText(strings.Join(command, " ")+" --help", string(out))
	for _, b := range own.blocks {
		if !seen[b.text] {
			seen[b.text] = true
			t.blocks = append(t.blocks, b)
		}
	}
	for _, l := range own.wide {
		if !seen["wide "+l.text] {
			seen["wide "+l.text] = true
			t.wide = append(t.wide, l)
		}
	}
	for _, name := range below {
		if name != "help" {
			if err := t.helpOf(dir, append(command[:len(command):len(command)], name), seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// helpText adds one help text, and returns the commands that it lists.
func (t *texts) helpText(name, text string) (below []string) {
	r := &reader{to: t, kind: "help", file: name}
	at := ""
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if utf8.RuneCountInString(line) > widest {
			t.wide = append(t.wide, block{"help", name, i + 1, line})
		}
		if m := section.FindStringSubmatch(line); m != nil {
			r.end()
			at = m[1]
			continue
		}
		switch {
		case strings.TrimSpace(line) == "":
			r.end()
		case !strings.HasPrefix(line, " "):
			at = ""
			r.add(i+1, line)
		case at == "Available Commands":
			r.end()
			below = append(below, strings.Fields(line)[0])
			r.add(i+1, line[len(entryName.FindString(line)):])
		case strings.HasSuffix(at, "Flags"):
			r.flagLine(i+1, line)
		default: // usage, an example, or a list of codes
			r.end()
		}
	}
	r.end()
	return below
}

// flagLine adds a line of a list of flags: a flag with its description, or more of it.
func (r *reader) flagLine(line int, text string) {
	if entryOnly.MatchString(text) {
		r.end()
		text = text[len(entryName.FindString(text)):]
	}
	r.add(line, text)
}
