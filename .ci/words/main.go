// Command words measures the texts of the tree: words per sentence, lines over 120
// characters, and relative pronouns.
//
//	.ci/wordfigures                          every kind of text
//	.ci/wordfigures agent/redeem README.md   one package and one file
//	.ci/wordfigures -kind help -long 22      the sentences of the help over 22 words
//
// A sentence has at least 4 words: shorter texts are names and table cells, and would
// make the figures look good. Code between backticks is one word. Headings, code
// blocks, HTML comments, link targets and directives do not count.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The goals for every kind of text.
const (
	goalHalf     = 12  // words, p50
	goalMost     = 22  // words, p90
	goalLongest  = 35  // words
	goalOpeners  = 1.0 // for 1,000 words
	widest       = 120 // characters
	fewestWords  = 4
	textsApart   = "testdata"
	programsList = "regent regentd tmsctl tms-emulator"
)

// A block is a text that no sentence leaves: a paragraph, a list item, a table cell, a
// comment, an error text.
type block struct {
	kind string
	file string
	line int // of its first line, from 1
	text string
}

// kinds are the kinds of text, in the order of the table.
var kinds = []string{"README", "guides", "design", "runbook", "changelog", "other READMEs", "help", "installers", "errors", "package comments", "comments"}

// openers are the words that a plain sentence does without.
var openers = regexp.MustCompile(`(?i)\b(what|whom|whose|anew|thereof|which (is|are) to be)\b`)

var codeSpan = regexp.MustCompile("`[^`]*`")

type options struct {
	long              int
	openers, wide     bool
	goals, extract    string
	kind, programsDir string
}

func main() {
	var o options
	flag.IntVar(&o.long, "long", 0, "list the sentences over `N` words")
	flag.BoolVar(&o.openers, "openers", false, "list the relative pronouns")
	flag.BoolVar(&o.wide, "wide", false, "list the lines over 120 characters")
	flag.StringVar(&o.goals, "goals", "", "fail if one of these `KINDS`, with commas between them, misses a goal; all is every kind")
	flag.StringVar(&o.extract, "extract", "", "write the texts that are in no document into this `DIRECTORY`, for vale")
	flag.StringVar(&o.kind, "kind", "", "only texts of this `KIND`: "+strings.Join(kinds, ", "))
	flag.StringVar(&o.programsDir, "programs", "", "take the help from the programs in this `DIRECTORY` (default: build them)")
	flag.Parse()
	ok, err := run(os.Stdout, o, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "words:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(w io.Writer, o options, paths []string) (bool, error) {
	if o.kind != "" && !slices.Contains(kinds, o.kind) {
		return false, fmt.Errorf("no kind %q; there are: %s", o.kind, strings.Join(kinds, ", "))
	}
	texts, err := collect(paths, o)
	if err != nil {
		return false, err
	}
	if o.extract != "" {
		return true, extract(o.extract, texts.blocks)
	}
	figures := map[string]*figure{}
	for _, kind := range kinds {
		figures[kind] = &figure{}
	}
	for _, b := range texts.blocks {
		figures[b.kind].add(w, b, o)
	}
	for _, l := range texts.wide {
		figures[l.kind].wide++
		if o.wide {
			fmt.Fprintf(w, "%s:%d: %s\n", l.file, l.line, l.text)
		}
	}
	return table(w, figures, o), nil
}

// figure is a row of the table.
type figure struct {
	lengths        []int // words of each sentence
	words, openers int
	wide           int
}

// add measures b, and prints what o asks for.
func (f *figure) add(w io.Writer, b block, o options) {
	plain := codeSpan.ReplaceAllString(b.text, "CODE")
	f.openers += len(openers.FindAllString(plain, -1))
	for _, s := range sentences(b.text) {
		f.words += s.words
		if s.words < fewestWords {
			continue
		}
		f.lengths = append(f.lengths, s.words)
		if o.long > 0 && s.words > o.long {
			fmt.Fprintf(w, "%s:%d: %d words: %s\n", b.file, b.line+s.line, s.words, s.text)
		}
		if o.openers {
			for _, m := range openers.FindAllString(codeSpan.ReplaceAllString(s.text, "CODE"), -1) {
				fmt.Fprintf(w, "%s:%d: %q: %s\n", b.file, b.line+s.line, m, s.text)
			}
		}
	}
}

func percentile(of []int, p int) int { return of[(len(of)-1)*p/100] }

// table writes the table of the kinds that have sentences. It reports whether every goal is met.
func table(w io.Writer, figures map[string]*figure, o options) bool {
	met := true
	fmt.Fprintf(w, "%-18s %9s %5s %5s %5s %9s %13s\n", "text", "sentences", "p50", "p90", "max", "over 120", "what/1,000")
	for _, kind := range kinds {
		f := figures[kind]
		if len(f.lengths) == 0 {
			continue
		}
		slices.Sort(f.lengths)
		half, most, longest := percentile(f.lengths, 50), percentile(f.lengths, 90), f.lengths[len(f.lengths)-1]
		rate := 1000 * float64(f.openers) / float64(f.words)
		verdict := ""
		if (o.goals == "all" || slices.Contains(strings.Split(o.goals, ","), kind)) &&
			(half > goalHalf || most > goalMost || longest > goalLongest || rate >= goalOpeners) {
			met, verdict = false, "  MISSES ITS GOAL"
		}
		fmt.Fprintf(w, "%-18s %9d %5d %5d %5d %9d %5.1f (%5d)%s\n", kind, len(f.lengths), half, most, longest, f.wide, rate, f.openers, verdict)
	}
	if !met {
		fmt.Fprintf(w, "goals: p50 at most %d, p90 at most %d, max %d, under %.0f of what, whom, whose, … in 1,000 words\n", goalHalf, goalMost, goalLongest, goalOpeners)
	}
	return met
}

// texts are the blocks and the lines that are too wide.
type texts struct{ blocks, wide []block }

// collect reads the texts of paths, or of the tree if there are none.
func collect(paths []string, o options) (*texts, error) {
	files, err := filesOf(paths)
	if err != nil {
		return nil, err
	}
	t := &texts{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		switch {
		case os.IsNotExist(err): // deleted and not committed yet
			continue
		case err != nil:
			return nil, err
		}
		switch ext := path.Ext(name); {
		case name == msiTexts:
			t.msi(name, string(text))
		case name == debconfTexts:
			t.debconf(name, string(text))
		case ext == ".md":
			t.markdown(name, string(text))
		case ext == ".json":
			t.codes(name, string(text))
		case ext == ".go":
			if err := t.goFile(name, text); err != nil {
				return nil, err
			}
		}
	}
	if len(paths) == 0 && (o.kind == "" || o.kind == "help") {
		if err := t.help(o.programsDir); err != nil {
			return nil, err
		}
	}
	if o.kind != "" {
		other := func(b block) bool { return b.kind != o.kind }
		t.blocks, t.wide = slices.DeleteFunc(t.blocks, other), slices.DeleteFunc(t.wide, other)
	}
	slices.SortStableFunc(t.blocks, func(a, b block) int { return cmp.Compare(slices.Index(kinds, a.kind), slices.Index(kinds, b.kind)) })
	return t, nil
}

// filesOf lists the files that git knows, or would add, below paths: of a directory its
// own files, of DIRECTORY/... all.
func filesOf(paths []string) ([]string, error) {
	out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	var files []string
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		if slices.Contains(paths, name) || measured(name) && (len(paths) == 0 || slices.ContainsFunc(paths, func(p string) bool { return within(name, p) })) {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	files = slices.Compact(files)
	if len(files) == 0 && len(paths) > 0 {
		return nil, fmt.Errorf("no text in %s", strings.Join(paths, " "))
	}
	return files, nil
}

func measured(name string) bool {
	if name == msiTexts || name == debconfTexts {
		return true
	}
	switch path.Ext(name) {
	case ".md":
		return !strings.Contains(name, textsApart) && !strings.HasPrefix(name, ".ci/")
	case ".json":
		return name == "agent/doctor/codes.json"
	case ".go":
		return !strings.HasSuffix(name, "_test.go") && !strings.Contains(name, textsApart) && !strings.HasPrefix(name, ".ci/") &&
			!strings.HasSuffix(path.Dir(name), "test") && !strings.HasPrefix(name, "cmd/stories/")
	}
	return false
}

func within(name, p string) bool {
	if all, ok := strings.CutSuffix(p, "/..."); ok {
		return strings.HasPrefix(name, path.Clean(all)+"/") || all == "."
	}
	p = path.Clean(p)
	return name == p || path.Dir(name) == p
}

// kindOf says of which kind a document is.
func kindOf(name string) string {
	switch {
	case name == "README.md":
		return "README"
	case strings.HasPrefix(name, "packaging/docs/"):
		return "guides"
	case strings.HasPrefix(name, "packaging/runbook/"):
		return "runbook"
	case strings.HasPrefix(name, "packaging/changelog/"):
		return "changelog"
	case path.Base(name) == "README.md":
		return "other READMEs"
	}
	return "design"
}
