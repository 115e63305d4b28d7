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

// page is what an investigation found, for a browser. It stands for itself: no
// script, nothing from elsewhere.
type page struct {
	Registration admin.RegistrationToken
	Report       usage.Report
	Now          time.Time
}

// pageRows bounds the table: a browser shows more only slowly, and the CSV has all.
const pageRows = 2000

func (p page) write(w io.Writer) error {
	text, err := template.New("page").Funcs(template.FuncMap{"word": word, "when": timeText, "shown": terminal.Printable}).Parse(pageText)
	if err != nil {
		return err
	}
	rows := p.Report.Anomalies()
	return text.Execute(w, map[string]any{
		"Identifier": p.Registration.Identifier, "Used": usedNumber(p.Registration), "Count": p.Registration.Count, "Told": p.Registration.UsedKnown,
		"Status": p.Registration.Usability(p.Now), "Expires": expiresText(p.Registration, p.Now), "Now": timeText(p.Now),
		"Sums": sumsOf(p.Report), "Lines": []line{
			timeLine("All redemptions", p.Report.Rows, p.Report.Rows), timeLine("What is to be looked at, alone", rows, p.Report.Rows),
		},
		"Rows": rows[:min(len(rows), pageRows)], "More": max(0, len(rows)-pageRows), "Findings": len(rows),
	})
}

type sum struct {
	Kind usage.Kind
	N    int
}

func sumsOf(r usage.Report) []sum {
	var all []sum
	for _, k := range usage.Kinds() {
		if r.Counts[k] > 0 {
			all = append(all, sum{k, r.Counts[k]})
		}
	}
	return all
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
// of all rows, so that several lines can be held against each other.
func timeLine(title string, rows, all []usage.Row) line {
	first, last := bounds(all)
	if first.IsZero() {
		return line{}
	}
	span := max(last.Sub(first)/lineBars+1, time.Minute)
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

func bounds(rows []usage.Row) (first, last time.Time) {
	for _, r := range rows {
		switch {
		case r.Created.IsZero():
			continue
		case first.IsZero() || r.Created.Before(first):
			first = r.Created
		}
		if r.Created.After(last) {
			last = r.Created
		}
	}
	return first, last
}
