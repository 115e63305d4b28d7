package main

import (
	"slices"
	"strings"
	"time"

	"regent/platform/terminal"
)

// view has the time, width and colours of the output.
type view struct {
	now    time.Time
	width  int // columns at which text wraps; 0 is unlimited
	colour bool
}

// Escape sequences for the first line and for headings.
const (
	normal = "\x1b[0m"
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
)

// paint colours text if v allows it. Never use it inside a table, since it would widen the
// columns.
func (v view) paint(colour, text string) string {
	if !v.colour {
		return text
	}
	return colour + text + normal
}

// table aligns the cells of rows, and indents each row.
func table(indent string, rows [][]string) string {
	indented := make([][]string, len(rows))
	for i, row := range rows {
		indented[i] = slices.Clone(row)
		indented[i][0] = indent + row[0]
	}
	return terminal.Columns(indented)
}

// minTextWidth is the narrowest column for wrapped text. A narrower terminal wraps by
// itself.
const minTextWidth = 30

// labelled prints each label with its text, wrapped beside it.
func (v view) labelled(indent string, rows [][2]string) string {
	widest := 0
	for _, row := range rows {
		widest = max(widest, terminal.Cells(row[0]))
	}
	room := 0
	if v.width > 0 {
		room = v.width - len(indent) - widest - 2
	}
	if v.width > 0 && room < minTextWidth {
		return v.stacked(indent, rows)
	}
	var cells [][]string
	for _, row := range rows {
		label := row[0]
		for _, line := range terminal.Wrap(row[1], room) {
			cells = append(cells, []string{label, line})
			label = ""
		}
	}
	return table(indent, cells)
}

// facts are labels and their values.
type facts [][2]string

// add adds a label and its value, unless the value is empty.
func (f *facts) add(label, text string) {
	if text != "" {
		*f = append(*f, [2]string{label, printable(text)})
	}
}

// stacked prints each text below its label, for labels that leave too little room.
func (v view) stacked(indent string, rows [][2]string) string {
	var b strings.Builder
	for _, row := range rows {
		if row[0] != "" {
			b.WriteString(terminal.WrapText(indent+row[0]+"\n", v.width))
		}
		for _, line := range terminal.Wrap(row[1], max(minTextWidth, v.width-len(indent)-2)) {
			b.WriteString(indent + "  " + line + "\n")
		}
	}
	return b.String()
}

// prose wraps text to the view's width.
func (v view) prose(text string) string {
	return strings.Join(terminal.Wrap(text, v.width), "\n") + "\n"
}
