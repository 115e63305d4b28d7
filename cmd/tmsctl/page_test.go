package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/tms/admin/usage"
	"regent/platform/page"
)

// TestTimeScale: the columns have a span that a person can name, and hold every row.
func TestTimeScale(t *testing.T) {
	start := time.Date(2026, 11, 10, 13, 33, 20, 0, time.UTC)
	tests := []struct {
		last time.Duration
		want string
	}{
		{0, "1 minute"},
		{40 * time.Minute, "5 minutes"},
		{20 * day, "1 day"},
		{30 * day, "1 day"},
		{300 * day, "14 days"},
		{290 * 365 * day, "2646 days"},
	}
	for _, tt := range tests {
		t.Run(tt.last.String(), func(t *testing.T) {
			rows := []usage.Row{{}, rowAt(start), rowAt(start.Add(tt.last))}
			s := newTimeScale(rows, start)
			if got := spanText(s.span); got != tt.want || s.columns > mostColumns || s.columns < fewestColumns {
				t.Errorf("%d columns of %s, want %s", s.columns, got, tt.want)
			}
			for _, r := range rows[1:] {
				if c := s.column(r.Created); c < 0 || c >= s.columns {
					t.Errorf("%s is in column %d of %d", r.Created, c, s.columns)
				}
			}
		})
	}
	if s := newTimeScale([]usage.Row{{}}, start); s != nil {
		t.Errorf("rows without a date have the scale %+v", s)
	}
}

func rowAt(at time.Time) usage.Row {
	return usage.Row{AuthToken: admin.AuthToken{Created: at}, Kind: usage.Expected}
}

func TestScaleUpTo(t *testing.T) {
	for most, want := range map[int][]int{0: {1, 0}, 1: {1, 0}, 2: {2, 1, 0}, 3: {4, 2, 0}, 7: {10, 5, 0}, 11: {20, 10, 0}, 999: {1000, 500, 0}} {
		numbers, lines := scaleUpTo(most)
		if diff := cmp.Diff(want, numbers); diff != "" || len(lines) != len(numbers) {
			t.Errorf("%d: %v, %s", most, lines, diff)
		}
	}
}

// TestInvestigationPage: the page shows what was found with its meaning, next step and dates,
// and nothing in it runs or is fetched.
func TestInvestigationPage(t *testing.T) {
	at := time.Date(2026, 11, 10, 13, 33, 0, 0, tms.NoZone)
	var tokens []admin.AuthToken
	for i := range 3 {
		tokens = append(tokens, admin.AuthToken{
			ID: fmt.Sprint("T", i), Identifier: fmt.Sprint("regent-", i), FQDN: `<img src=x onerror="alert(1)">`, Registration: "x", Created: at.Add(time.Duration(i) * day),
		})
	}
	report := usage.Investigate(usage.Input{Tokens: tokens, Devices: []usage.Device{{FQDN: "ws1"}}})
	var b strings.Builder
	if err := page.Write(&b, pageText, newPage(admin.RegistrationToken{Identifier: "<b>berlin", Count: 3}, report, at.Add(2*day), investigated{"'<b>berlin'", " --devices ws.csv", " --profile own"})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"&lt;img src=x", "&lt;b&gt;berlin", "unexpected host: 3 auth tokens", "<code>tmsctl auth-token delete --from findings.csv --dry-run --profile own</code>",
		"berlin&#39; --devices ws.csv --csv --profile own &gt;findings.csv</code>", "<span>2026-11-12</span> <span>13:33</span>",
		"auth tokens of 3 hours. Times are as the service shows them, without a zone", "<span>2026-11-10</span> <span>12:00</span>",
		`aria-label="3 auth tokens, `, "does not show how many counts are used",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	for _, never := range []string{"<img", "<script", "<b>", "<link", "url(", "@import"} {
		if strings.Contains(b.String(), never) {
			t.Errorf("%q is on the page", never)
		}
	}
	for _, m := range usage.Meanings() {
		if !strings.Contains(b.String(), word(m.Kind)) {
			t.Errorf("%s is not on the page", m.Kind)
		}
	}
}

// TestLegendFits: help explains every finding in 80 columns, but for commands.
func TestLegendFits(t *testing.T) {
	if widest := longestLine(legendText{Meanings: usage.Meanings()}.text(helpWidth)); widest > helpWidth {
		t.Errorf("a line has %d characters", widest)
	}
}
