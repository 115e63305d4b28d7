// Package manualtest makes a program's manual pages and shell completions from its
// commands.
//
// It also checks that every command is explained, and that help fits 80 columns. It runs
// as a test of each program, so that no program contains code that only packages need.
package manualtest

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"regent/cmd/completion"
)

// Flags are those of a test that calls [Write].
type Flags struct{ dir *string }

// NewFlags adds the flag -manual to a test's own.
func NewFlags() Flags {
	return Flags{flag.String("manual", "", "write manual pages and completions below this `directory`")}
}

// Page has the sections of a program's page that its help has not. Each row is a name with
// its meaning.
type Page struct{ Files, Environment [][2]string }

// Write writes the manual pages of root and of all commands below it, in a
// section of the manual, and completions for bash, zsh and fish: below the
// directory of -manual, as they lie below /usr/share, or to a temporary one. It
// fails t where a command does not say what it does.
func Write(t *testing.T, f Flags, root *cobra.Command, section string, more Page) {
	t.Helper()
	share := *f.dir
	if share == "" {
		share = t.TempDir()
	}
	root.DisableAutoGenTag = true // it is the day of the build
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	explained(t, root)
	fits(t, root)
	dir := filepath.Join(share, "man", "man"+section)
	pages(t, root, dir, section)
	addSections(t, filepath.Join(dir, root.Name()+"."+section), root, more)
	completions(t, root, share)
}

// explained fails t for each command that is offered without a word.
func explained(t *testing.T, c *cobra.Command) {
	t.Helper()
	if c.Short == "" {
		t.Errorf("%s has no Short", c.CommandPath())
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			explained(t, sub)
		}
	}
}

// fits fails t for each line of help that is wider than a terminal of 80 columns.
func fits(t *testing.T, c *cobra.Command) {
	t.Helper()
	var help bytes.Buffer
	c.SetOut(&help)
	must(t, c.Help())
	for line := range strings.Lines(help.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%s --help: %d columns: %s", c.CommandPath(), n, line)
		}
	}
	for _, sub := range c.Commands() {
		fits(t, sub)
	}
}

func pages(t *testing.T, root *cobra.Command, dir, section string) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o755)) //nolint:gosec // what is shipped is for everyone
	// The day is that of SOURCE_DATE_EPOCH.
	header := &doc.GenManHeader{Section: section, Source: "Regent", Manual: "Regent"}
	must(t, doc.GenManTree(root, header, dir))
	names, err := filepath.Glob(filepath.Join(dir, "*."+section))
	must(t, err)
	for _, name := range names { // the library calls it EXAMPLE
		text, err := os.ReadFile(name) //nolint:gosec // written just now
		must(t, err)
		text = bytes.ReplaceAll(text, []byte("\n.SH EXAMPLE\n"), []byte("\n.SH EXAMPLES\n"))
		must(t, os.WriteFile(name, text, 0o644)) //nolint:gosec // what is shipped is for everyone
	}
	page, err := os.ReadFile(filepath.Join(dir, root.Name()+"."+section)) //nolint:gosec // written just now
	must(t, err)
	if !strings.Contains(string(page), root.Short) {
		t.Errorf("the page of %s does not say %q", root.Name(), root.Short)
	}
}

// addSections adds FILES, ENVIRONMENT and EXIT STATUS to the page of root. The exit status
// is the last part of its help, after "Exit codes:".
func addSections(t *testing.T, page string, root *cobra.Command, more Page) {
	text, err := os.ReadFile(page) //nolint:gosec // written just now
	must(t, err)
	_, codes, found := strings.Cut(root.Long, "Exit codes:")
	if !found || len(more.Files) == 0 || len(more.Environment) == 0 {
		t.Fatalf("%s: exit codes %v, files and environment %v", page, found, more)
	}
	const last = ".SH SEE ALSO"
	before, after, seeAlso := strings.Cut(string(text), last)
	if seeAlso {
		after = last + after
	}
	var b strings.Builder
	for _, section := range []struct {
		name string
		rows [][2]string
	}{{"FILES", more.Files}, {"ENVIRONMENT", more.Environment}} {
		b.WriteString(".SH " + section.name + "\n")
		for _, row := range section.rows {
			b.WriteString(".TP\n\\fB" + row[0] + "\\fP\n" + row[1] + "\n")
		}
	}
	b.WriteString(".SH EXIT STATUS\n.nf\n" + strings.Trim(strings.TrimLeft(codes, " "), "\n") + "\n.fi\n")
	must(t, os.WriteFile(page, []byte(before+b.String()+after), 0o644)) //nolint:gosec // for everyone
}

func completions(t *testing.T, root *cobra.Command, share string) {
	t.Helper()
	for shell, path := range map[string]string{
		"bash": "bash-completion/completions/" + root.Name(),
		"zsh":  "zsh/vendor-completions/_" + root.Name(),
		"fish": "fish/vendor_completions.d/" + root.Name() + ".fish",
	} {
		path = filepath.Join(share, path)
		var script bytes.Buffer
		must(t, completion.Write(&script, root, shell))
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))    //nolint:gosec // what is shipped is for everyone
		must(t, os.WriteFile(path, script.Bytes(), 0o644)) //nolint:gosec // as above
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
