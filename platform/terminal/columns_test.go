package terminal

import "testing"

// TestColumns: what is wide on a terminal is counted as wide.
func TestColumns(t *testing.T) {
	rows := [][]string{{"NAME", "COUNT"}, {"東京", "1"}, {"é", "22"}, {"e\u0301x", "3"}, {"", "4"}, {"ＡＢ"}}
	const want = "NAME  COUNT\n東京  1\né     22\ne\u0301x    3\n      4\nＡＢ\n"
	if got := Columns(rows); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCells(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "ä": 1, "東京": 4, "a\u0308": 1, "한글": 4, "🔑": 2, "ｱ": 1, "Ａ": 2} {
		if got := Cells(s); got != want {
			t.Errorf("Cells(%q) = %d, want %d", s, got, want)
		}
	}
}
