package terminal

import (
	"io"
	"os"
	"strings"
	"unicode"
)

// Printable replaces the characters of foreign text that could move the cursor of a
// terminal or turn its text around, and all others that are not printed, by "?".
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// Print writes text to w for a person. If w is a terminal, lines that are too long for it
// are broken between words. If writing fails, nobody is left to be told.
func Print(w io.Writer, text string) {
	if f, ok := w.(*os.File); ok {
		text = WrapText(text, Width(f))
	}
	_, _ = io.WriteString(w, text)
}

// WrapText breaks each line of text that is wider than width cells between words, if the
// words allow it. What follows is indented by two more than the line. A width of 0
// breaks nothing.
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

// minColumnWidth is the narrowest column that prose is broken into: a narrower terminal
// breaks lines by itself.
const minColumnWidth = 30

// Wrap breaks text between words into lines of at most width cells of a terminal, if
// the words allow it; at least one line. A width of 0 breaks nothing.
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

// Table lines up the cells of rows, of which the first is the head, for a terminal of
// that width. The columns for which it is too narrow stand below their row, by name;
// empty cells and a dash are left out there. A width of 0 has room for all.
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

// detailLines is what of a row stands below it, in lines that fit if the words do.
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
