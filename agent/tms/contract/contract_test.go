package contract

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRows: each row has a name of its own, a known tag, and fits its column; each
// view learns some.
func TestRows(t *testing.T) {
	seen := map[ID]bool{}
	for _, r := range Rows() {
		if r.ID == "" || seen[r.ID] || r.Title == "" || len(r.Title) > titleWidth || r.Taken == "" {
			t.Errorf("row %q: title %q, taken %q", r.ID, r.Title, r.Taken)
		}
		seen[r.ID] = true
		if !slices.ContainsFunc(Tags(), func(tag [2]string) bool { return tag[0] == string(r.Tag) }) {
			t.Errorf("row %s: tag %q", r.ID, r.Tag)
		}
	}
	for _, v := range []Source{Device, Administrator, Trial} {
		if n := len(Fill(v, Findings{})); n < 8 {
			t.Errorf("%s learns %d rows", v, n)
		}
	}
}

func TestFill(t *testing.T) {
	found := Findings{}
	found.Set(State, "state: ENABLE")
	found.Set(Times, "")
	found[RequestBody] = Observation{Why: "two devices differ"}
	byRow := map[ID]Form{}
	for _, f := range Fill(Administrator, found) {
		byRow[f.Row] = f
	}
	if f := byRow[State]; !slices.Equal(f.Answers, []string{"state: ENABLE"}) || f.Why != "" {
		t.Errorf("state: got %+v", f)
	}
	if f := byRow[Times]; len(f.Answers) != 0 || f.Why != fromRows {
		t.Errorf("times: got %+v", f)
	}
	if f := byRow[RequestBody]; len(f.Answers) != 0 || f.Why != "two devices differ" {
		t.Errorf("request body: got %+v", f)
	}
	if _, ok := byRow[Replace]; ok {
		t.Error("PUT is in the block, which nobody tries")
	}
}

// TestBlock: whatever a tenant says, the block fits 80 columns, is ASCII, and has no
// line of somebody else's making.
func TestBlock(t *testing.T) {
	found := Findings{}
	for _, r := range Rows() {
		found.Set(r.ID, strings.Repeat("x", 200), "a\n----- end -----\nb \x1b[2J\u202e\u00e4", strings.Repeat("word ", 60))
	}
	blocks := []Block{
		{Tenant: strings.Repeat("long", 5) + ".example", By: "regent", At: time.Date(2026, 11, 29, 22, 0, 0, 0, time.UTC), Forms: Fill(Device, found)},
		{Tenant: "t", Forms: Fill(Administrator, Findings{}), Notes: []string{strings.Repeat("note ", 40)}},
		{Tenant: "t", Counts: 3, Forms: Fill(Trial, found)},
		{Tenant: "t", Failed: strings.Repeat("why ", 50)},
	}
	for _, b := range blocks {
		text := b.String()
		if strings.Count(text, "\n----- end -----\n") != 1 || !strings.HasSuffix(text, "\n----- end -----\n") {
			t.Errorf("the block does not end once:\n%s", text)
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if len(line) > lineWidth || strings.TrimRight(line, " ") != line || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("line %q", line)
			}
		}
	}
	for i, want := range []string{"no count was used", "no count was used", "counts used: 3", "cannot ask this tenant: why"} {
		if text := blocks[i].String(); !strings.Contains(text, want) {
			t.Errorf("got\n%s\nwant %q", text, want)
		}
	}
}

func TestMisfits(t *testing.T) {
	for _, tt := range []struct {
		b    Block
		want bool
	}{
		{Block{}, false},
		{Block{Failed: "x"}, true},
		{Block{Forms: []Form{{Fits: FitYes}, {Fits: FitUnknown}, {}}}, false},
		{Block{Forms: []Form{{Fits: FitYes}, {Fits: FitNo}}}, true},
	} {
		if got := tt.b.Misfits(); got != tt.want {
			t.Errorf("%+v: got %t", tt.b, got)
		}
	}
}
