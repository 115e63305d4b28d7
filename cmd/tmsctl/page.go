package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"regent/agent/tms/admin"
	"regent/agent/tms/admin/usage"
	"regent/platform/terminal"
)

//go:embed page.html
var pageText string

// pageRows bounds the table: a browser shows more only slowly, and the CSV has all.
const pageRows = 2000

// writePage writes what an investigation found, for a browser. The page stands for
// itself: no script, nothing from elsewhere.
func writePage(w io.Writer, r admin.RegistrationToken, report usage.Report, now time.Time) error {
	text, err := template.New("page").Funcs(template.FuncMap{"word": word, "when": timeText, "shown": terminal.Printable}).Parse(pageText)
	if err != nil {
		return err
	}
	rows := report.Anomalies()
	return text.Execute(w, map[string]any{
		"Identifier": r.Identifier, "Used": usedNumber(r), "Count": r.Count, "Told": r.UsedKnown,
		"Status": r.Usability(now), "Expires": expiresText(r, now), "Now": timeText(now),
		"Kinds": usage.Kinds(), "Counts": report.Counts, "Lines": []line{
			timeLine("All redemptions", report.Rows, report.Rows), timeLine("What is to be looked at, alone", rows, report.Rows),
		},
		"Rows": rows[:min(len(rows), pageRows)], "More": max(0, len(rows)-pageRows), "Findings": len(rows),
	})
}

// The time line, in its own units.
const (
	lineWidth  = 960.0
	lineHeight = 140.0
	lineBars   = 60
)

// bar is a part of a column: so many of a kind within one span of time.
type bar struct {
	Kind                usage.Kind
	X, Y, Width, Height float64
	Title               string
}

// line is a time line.
type line struct {
	Title          string
	Bars           []bar
	Most           int
	From, To, Span string
}

// timeLine counts the rows of each kind in columns of equal spans, which are those
// of all rows, so that several lines can be held against each other. The rows are in the
// order of their creation; those without a date come first.
func timeLine(title string, rows, all []usage.Row) line {
	dated := slices.IndexFunc(all, func(r usage.Row) bool { return !r.Created.IsZero() })
	if dated < 0 {
		return line{}
	}
	first := all[dated].Created
	span := max(all[len(all)-1].Created.Sub(first)/lineBars+1, time.Minute)
	var columns [lineBars]map[usage.Kind]int
	var sums [lineBars]int
	for _, r := range rows {
		if r.Created.IsZero() {
			continue
		}
		i := min(int(r.Created.Sub(first)/span), lineBars-1)
		if columns[i] == nil {
			columns[i] = map[usage.Kind]int{}
		}
		columns[i][r.Kind]++
		sums[i]++
	}
	l := line{Title: title, From: timeText(first), To: timeText(first.Add(span * lineBars)), Span: span.Round(time.Minute).String()}
	for _, n := range sums {
		l.Most = max(l.Most, n)
	}
	for i, counts := range columns {
		l.Bars = append(l.Bars, column(i, counts, l.Most, timeText(first.Add(span*time.Duration(i))))...)
	}
	return l
}

// column stacks the kinds, what is as expected at the bottom.
func column(i int, counts map[usage.Kind]int, most int, at string) []bar {
	var bars []bar
	width, y := lineWidth/lineBars, lineHeight
	for _, kind := range slices.Backward(usage.Kinds()) {
		n := counts[kind]
		if n == 0 {
			continue
		}
		height := max(lineHeight*float64(n)/float64(most), 1) // one among thousands is to be seen
		y -= height
		bars = append(bars, bar{kind, width * float64(i), y, width - 1, height, fmt.Sprintf("%s: %d %s", at, n, word(kind))})
	}
	return bars
}
