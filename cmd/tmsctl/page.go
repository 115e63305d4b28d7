package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"regent/agent/tms/admin"
	"regent/agent/tms/admin/usage"
	"regent/platform/page"
)

//go:embed page.html
var pageText string

// pageRows is the most rows in the table: a browser shows more only slowly, and the CSV has
// all.
const pageRows = 2000

// investigationPage is the data of the page of an investigation.
type investigationPage struct {
	Identifier, Lead string
	Scale            string // what the charts have in common, in words
	Columns          int    // of each chart
	Findings         string // the command that makes findings.csv; "" if no next step needs it
	Found            []foundKind
	Title            string // of the table
	Table            page.Table
	NoFinding        string      // why the table is empty
	More             int         // rows that the table leaves out
	Others           [][2]string // the meanings of the kinds that were not found
}

// foundKind is a kind of finding that was found, with its meaning.
type foundKind struct {
	usage.Meaning
	Name, Count string
	Chart       *chart // nil if no row has a date
}

// newPage makes the data of the page of an investigation. It does no I/O.
func newPage(r admin.RegistrationToken, report usage.Report, now time.Time, with investigated) investigationPage {
	rows := report.Anomalies()
	p := investigationPage{
		Identifier: r.Identifier,
		Lead:       fmt.Sprintf("%s counts used, %s, last day %s. As of %s UTC.", usedOf(r), r.Usability(now), expiresText(r, now), timeText(now)),
		Title:      counted(len(rows), "auth token") + " to check", More: max(0, len(rows)-pageRows),
		Table: page.Table{Head: []string{"Finding", "FQDN", "User", "Ref ID 1", "Created", "Delete", "Why", "ID"}},
	}
	p.NoFinding = noFinding(report)
	if !r.UsedKnown {
		p.Lead += " The service does not show how many counts are used."
	}
	scale := newTimeScale(report.Rows, now)
	if scale != nil {
		p.Scale, p.Columns = scale.text(), scale.columns
	}
	l := with.legend(report)
	p.Findings = l.Findings
	for _, m := range l.Meanings {
		f := foundKind{Meaning: m, Name: word(m.Kind), Count: counted(report.Counts[m.Kind], "auth token")}
		if scale != nil {
			f.Chart = scale.chart(report.Rows, m.Kind)
		}
		p.Found = append(p.Found, f)
	}
	for _, m := range usage.Meanings() {
		if report.Counts[m.Kind] == 0 {
			p.Others = append(p.Others, [2]string{word(m.Kind), m.Text})
		}
	}
	for _, row := range rows[:min(len(rows), pageRows)] {
		p.Table.Rows = append(p.Table.Rows, []string{word(row.Kind), row.FQDN, row.UserName, row.RefID1, timeText(row.Created), yesNo(row.Delete), row.Why, row.ID})
	}
	return p
}

// noFinding returns the text of a page without an auth token to check.
func noFinding(report usage.Report) string {
	switch unknown := report.Counts[usage.Unknown]; {
	case unknown > 0:
		return counted(unknown, "auth token") + " had no ledger entry and no inventory row to compare with."
	case len(report.Rows) > 0:
		return "All auth tokens are as expected."
	}
	return "There are no auth tokens."
}

// timeScale is the time scale of all charts of a page: columns of equal spans.
type timeScale struct {
	first   time.Time // when the first column begins
	span    time.Duration
	columns int
	last    time.Time // in the last column: now, or the creation of the last row
}

const (
	fewestColumns = 12 // a column is never wide
	mostColumns   = 40 // a column is wide enough to see at 360 px
)

// spans are the spans of a column that a person can name.
var spans = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day, 364 * day,
}

const day = 24 * time.Hour

// newTimeScale returns a scale up to now for rows in the order of their creation; nil if none
// has a date. It has at least fewestColumns, so it may begin before the first row.
func newTimeScale(rows []usage.Row, now time.Time) *timeScale {
	dated := slices.IndexFunc(rows, func(r usage.Row) bool { return !r.Created.IsZero() })
	if dated < 0 {
		return nil
	}
	first, last := rows[dated].Created, rows[len(rows)-1].Created
	if now = now.UTC(); !admin.HasZone(first) {
		now = time.Date(now.Year(), now.Month(), now.Day(), now.Hour(), now.Minute(), 0, 0, first.Location())
	}
	if now.After(last) {
		last = now
	}
	for _, span := range spans {
		s := timeScale{first.Truncate(span), span, 0, last}
		s.columns = s.column(last) + 1
		if lacking := fewestColumns - s.columns; lacking > 0 {
			s.first, s.columns = s.first.Add(-span*time.Duration(lacking)), fewestColumns
		}
		if s.columns <= mostColumns {
			return &s
		}
	}
	return &timeScale{first, last.Sub(first)/mostColumns + 1, mostColumns, last} // of centuries
}

func (s timeScale) column(at time.Time) int { return int(at.Sub(s.first) / s.span) }

// text describes the scale.
func (s timeScale) text() string {
	zone := "in UTC"
	if !admin.HasZone(s.first) {
		zone = "as the service shows them, without a zone"
	}
	return fmt.Sprintf("Each column counts the auth tokens of %s. Times are %s.", spanText(s.span), zone)
}

func spanText(d time.Duration) string {
	switch {
	case d >= day:
		return counted(int(d/day), "day")
	case d >= time.Hour:
		return counted(int(d/time.Hour), "hour")
	}
	return counted(int(d/time.Minute), "minute")
}

// chart shows when the auth tokens of one kind were created.
type chart struct {
	Label   string // in words, for a reader who does not see it
	Calm    bool   // not a finding
	Columns int
	Scale   []int // from the top to 0
	Lines   []int // the heights of Scale, in per cent from the top
	Bars    []bar
	Dates   [3][]string // of the left end, the middle and the right end: a day, and a time for short spans
}

// bar is a column. Y and Height are in per cent.
type bar struct {
	X         int
	Y, Height float64
	Title     string
}

// chart counts the rows of a kind. It returns nil if none has a date.
func (s timeScale) chart(rows []usage.Row, kind usage.Kind) *chart {
	counts, dated := make([]int, s.columns), 0
	for _, r := range rows {
		if r.Kind == kind && !r.Created.IsZero() {
			counts[s.column(r.Created)]++
			dated++
		}
	}
	if dated == 0 {
		return nil
	}
	most := slices.Max(counts)
	c := &chart{Calm: kind == usage.Expected || kind == usage.Unknown, Columns: s.columns}
	c.Scale, c.Lines = scaleUpTo(most)
	for i, n := range counts {
		if n == 0 {
			continue
		}
		height := max(100*float64(n)/float64(c.Scale[0]), 2) // one among thousands can be seen
		c.Bars = append(c.Bars, bar{i, 100 - height, height, fmt.Sprintf("%s: %d", s.timeOf(i), n)})
	}
	c.Dates = [3][]string{s.label(s.first), s.label(s.first.Add(s.span * time.Duration(s.columns) / 2)), s.label(s.last)}
	c.Label = fmt.Sprintf("%s, %s to %s, at most %d in %s", counted(dated, "auth token"), s.timeOf(0), strings.Join(s.label(s.last), " "), most, spanText(s.span))
	return c
}

// scaleUpTo returns the numbers of a scale from at least most to 0, and their heights.
func scaleUpTo(most int) (numbers, lines []int) {
	if most <= 1 {
		return []int{1, 0}, []int{0, 100}
	}
	for power := 1; ; power *= 10 {
		for _, step := range []int{2, 4, 6, 10} {
			if top := step * power; top >= most {
				return []int{top, top / 2, 0}, []int{0, 50, 100}
			}
		}
	}
}

// label returns the day, and the time if a column is shorter than a day.
func (s timeScale) label(at time.Time) []string {
	if admin.HasZone(s.first) {
		at = at.UTC()
	}
	if s.span >= day {
		return []string{at.Format(time.DateOnly)}
	}
	return []string{at.Format(time.DateOnly), at.Format("15:04")}
}

// timeOf returns when a column begins, in one text.
func (s timeScale) timeOf(column int) string {
	return strings.Join(s.label(s.first.Add(s.span*time.Duration(column))), " ")
}
