package terminal

import (
	"io"
	"os"
	"strings"
	"unicode"
)

// Printable replaces characters of foreign text by "?" if they are not printable, could move
// a terminal's cursor, or change the direction of the text.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// Print writes text to w. If w is a terminal, it breaks long lines between words. It ignores
// write errors.
func Print(w io.Writer, text string) {
	if f, ok := w.(*os.File); ok {
		text = WrapText(text, Width(f))
	}
	_, _ = io.WriteString(w, text)
}

// WrapText breaks the lines of text that are wider than width cells between words, if
// possible. Continuation lines have two more spaces of indentation. A width of 0 breaks
// nothing.
func WrapText(text string, width int) string {
	if width <= 0 {
		return text
	}
	var b strings.Builder
	for whole := range strings.Lines(text) {
		line := strings.TrimSuffix(whole, "\n")
		if Cells(line) <= width {
			b.WriteString(whole)
			continue
		}
		words := strings.TrimLeft(line, " ")
		indent := line[:len(line)-len(words)]
		for i, part := range Wrap(words, max(minColumnWidth, width-len(indent)-2)) {
			if i > 0 {
				b.WriteString("\n  ")
			}
			b.WriteString(indent + part)
		}
		b.WriteString(whole[len(line):])
	}
	return b.String()
}

// minColumnWidth is the width of the narrowest column that is wrapped. A narrower terminal
// breaks lines itself.
const minColumnWidth = 30

// Wrap breaks text between words into lines of at most width cells, if possible. It returns
// at least one line. A width of 0 breaks nothing.
func Wrap(text string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case Cells(line)+1+Cells(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

// Table aligns the cells of rows for a terminal of that width. The first row is the header.
// Columns that do not fit are listed below each row with their names, without empty cells
// and dashes. A width of 0 has room for all columns.
func Table(rows [][]string, width int) string {
	n, total := 0, -ColumnGap
	for _, widest := range columnWidths(rows) {
		if total += ColumnGap + widest; n > 0 && width > 0 && total > width {
			break
		}
		n++
	}
	narrow := make([][]string, len(rows))
	for i, row := range rows {
		narrow[i] = row[:n]
	}
	if n == len(rows[0]) {
		return Columns(narrow)
	}
	var b strings.Builder
	i := 0
	for line := range strings.Lines(Columns(narrow)) {
		b.WriteString(line)
		if i > 0 {
			b.WriteString(detailLines(rows[0][n:], rows[i][n:], width))
		}
		i++
	}
	return b.String()
}

// detailLines returns the lines below a row, wrapped if possible.
func detailLines(names, values []string, width int) string {
	var all []string
	for i, value := range values {
		if value != "" && value != "-" {
			all = append(all, strings.ToLower(names[i])+" "+value)
		}
	}
	if len(all) == 0 {
		return ""
	}
	const indent = "    "
	return indent + strings.Join(Wrap(strings.Join(all, ", "), max(minColumnWidth, width-len(indent))), "\n"+indent) + "\n"
}
