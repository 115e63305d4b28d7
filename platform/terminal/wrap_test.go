package terminal

import (
	"slices"
	"strings"
	"testing"
)

// TestWrapText: no line is wider than the terminal unless a word is, and no word is lost.
func TestWrapText(t *testing.T) {
	long := "regent: status: " + strings.Repeat("what happened ", 20) + "\n  next: run this\nshort\n"
	for _, width := range []int{0, 40, 80, 200} {
		got := WrapText(long, width)
		for line := range strings.Lines(got) {
			if width > 0 && Cells(strings.TrimSuffix(line, "\n")) > width {
				t.Errorf("width %d: %q", width, line)
			}
		}
		if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(long), " ") || !strings.HasSuffix(got, "\nshort\n") {
			t.Errorf("width %d lost something: %q", width, got)
		}
	}
	if got := WrapText(long, 0); got != long {
		t.Errorf("without a width: %q", got)
	}
}

// TestTable: the columns without room stand below their row.
func TestTable(t *testing.T) {
	name := strings.Repeat("workstation-", 6) + "1"
	rows := [][]string{{"NAME", "STATE", "NEXT"}, {name, "live", "in 3 min"}, {"b", "-", ""}}
	want := "NAME\n" + name + "\n    state live, next in 3 min\nb\n"
	if got := Table(rows, 74); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Table(rows, 0); strings.Count(got, "\n") != 3 {
		t.Errorf("without a width: %q", got)
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"one two", 0, []string{"one two"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"incomprehensible it is", 5, []string{"incomprehensible", "it is"}},
		{"äöü äöü", 7, []string{"äöü äöü"}},
	}
	for _, tt := range tests {
		if got := Wrap(tt.text, tt.width); !slices.Equal(got, tt.want) {
			t.Errorf("%q at %d: got %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}
