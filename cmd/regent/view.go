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

// labelled prints each label with its text, wrapped beside it. A text with a word that does
// not fit there stands below its label.
func (v view) labelled(indent string, rows [][2]string) string {
	widest := 0
	for _, row := range rows {
		widest = max(widest, terminal.Cells(row[0]))
	}
	room := v.width - len(indent) - widest - terminal.ColumnGap
	var b strings.Builder
	for _, row := range rows {
		lines := terminal.Wrap(row[1], max(0, room))
		if v.width > 0 && (room < minTextWidth || slices.ContainsFunc(lines, func(line string) bool { return terminal.Cells(line) > room })) {
			b.WriteString(v.stacked(indent, row))
			continue
		}
		label := row[0]
		for _, line := range lines {
			gap := strings.Repeat(" ", widest-terminal.Cells(label)+terminal.ColumnGap)
			b.WriteString(strings.TrimRight(indent+label+gap+line, " ") + "\n")
			label = ""
		}
	}
	return b.String()
}

// facts are labels and their values.
type facts [][2]string

// add adds a label and its value, unless the value is empty.
func (f *facts) add(label, text string) {
	if text != "" {
		*f = append(*f, [2]string{label, printable(text)})
	}
}

// stacked prints a text below its label.
func (v view) stacked(indent string, row [2]string) string {
	var b strings.Builder
	if row[0] != "" {
		b.WriteString(terminal.WrapText(indent+row[0]+"\n", v.width))
	}
	for _, line := range terminal.Wrap(row[1], max(minTextWidth, v.width-len(indent)-2)) {
		b.WriteString(indent + "  " + line + "\n")
	}
	return b.String()
}

// prose wraps text to the view's width.
func (v view) prose(text string) string {
	return strings.Join(terminal.Wrap(text, v.width), "\n") + "\n"
}
