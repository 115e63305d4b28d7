package stories

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// kinds are those of the README.
var kinds = []string{"added", "changed", "fixed", "security"}

func TestFragments(t *testing.T) {
	names, err := filepath.Glob("../../packaging/changelog/unreleased/*")
	if err != nil || len(names) == 0 {
		t.Fatalf("no fragments in packaging/changelog/unreleased/: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkFragment(filepath.Base(name), string(text)); err != nil {
			t.Errorf("%s: %v; the format is in packaging/changelog/README.md", name, err)
		}
	}
}

func TestCheckFragment(t *testing.T) {
	const good = "0002-first-run.md"
	tests := []struct {
		name, file, text string
		want             string // "" is no error
	}{
		{"one line", good, "added: It runs.\n", ""},
		{"with text", good, "security: It is safe.\n\nDo nothing.\n", ""},
		{"no number", "first-run.md", "added: It runs.\n", "name"},
		{"no words", "0002-.md", "added: It runs.\n", "name"},
		{"other kind", good, "improved: It runs.\n", "kind"},
		{"no kind", good, "It runs.\n", "kind"},
		{"no sentence", good, "added: it runs\n", "full stop"},
		{"nothing said", good, "added: .\n", "full stop"},
		{"empty", good, "", "kind"},
		{"no end of line", good, "added: It runs.", "end of line"},
		{"text without a gap", good, "added: It runs.\nDo nothing.\n", "empty line"},
		{"gap without text", good, "added: It runs.\n\n", "end of line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := checkFragment(tt.file, tt.text)
			if tt.want == "" && err != nil {
				t.Errorf("got %v, want no error", err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
}

// check says what is wrong with a fragment.
func checkFragment(name, text string) error {
	if !regexp.MustCompile(`^\d{4}(-[a-z0-9]+)+\.md$`).MatchString(name) {
		return errors.New("the name is not an issue's four digits and a few words, as 0002-first-run.md")
	}
	first, rest, _ := strings.Cut(text, "\n")
	kind, sentence, _ := strings.Cut(first, ": ")
	if !slices.Contains(kinds, kind) {
		return fmt.Errorf("the first line does not begin with a kind and a colon: %s", strings.Join(kinds, ", "))
	}
	if len(sentence) < 2 || !strings.HasSuffix(sentence, ".") {
		return errors.New("the first line is not a sentence with a full stop")
	}
	if !strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\n\n") {
		return errors.New("it does not finish with one end of line")
	}
	if rest != "" && !strings.HasPrefix(rest, "\n") {
		return errors.New("no empty line comes after the first")
	}
	return nil
}
