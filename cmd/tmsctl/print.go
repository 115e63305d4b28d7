package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"regent/agent/tms/admin"
	"regent/platform/terminal"
)

// table prints rows in columns; the first one is the head.
func table(w io.Writer, rows [][]string) error {
	shown := make([][]string, len(rows))
	for i, row := range rows {
		shown[i] = make([]string, len(row))
		for j, text := range row {
			shown[i][j] = cell(text)
		}
	}
	_, err := io.WriteString(w, terminal.Columns(shown))
	return err
}

// list prints a table that fits the terminal: the columns for which it is too
// narrow stand below their row, by name. The first two always stand in the table.
// What is no terminal gets one line for each row.
func (t *tool) list(rows [][]string) error {
	n := len(rows[0])
	for n > 2 && t.width > 0 && wide(rows, n) > t.width {
		n--
	}
	if n == len(rows[0]) {
		return table(t.out, rows)
	}
	narrow := make([][]string, len(rows))
	for i, row := range rows {
		narrow[i] = row[:n]
	}
	var printed, text strings.Builder
	if err := table(&printed, narrow); err != nil {
		return err
	}
	i := 0
	for line := range strings.Lines(printed.String()) {
		text.WriteString(line)
		if i > 0 {
			text.WriteString(t.below(rows[0][n:], rows[i][n:]))
		}
		i++
	}
	_, err := io.WriteString(t.out, text.String())
	return err
}

// below is what of a row stands below it, in lines that fit if the words do.
func (t *tool) below(names, values []string) string {
	const indent = "    "
	var words []string
	for i, value := range values {
		if value != "" {
			words = append(words, strings.Fields(strings.ToLower(names[i])+" "+cell(value)+",")...)
		}
	}
	if len(words) == 0 {
		return ""
	}
	words[len(words)-1] = strings.TrimSuffix(words[len(words)-1], ",")
	text, column := indent, len(indent)
	for i, word := range words {
		n := terminal.Cells(word)
		switch {
		case i == 0:
		case column+1+n > t.width:
			text, column = text+"\n"+indent, len(indent)
		default:
			text, column = text+" ", column+1
		}
		text, column = text+word, column+n
	}
	return text + "\n"
}

// wide is how many cells of a terminal a table of the first n columns is wide.
func wide(rows [][]string, n int) int {
	total := (n - 1) * terminal.Gap
	for column := range n {
		most := 0
		for _, row := range rows {
			most = max(most, terminal.Cells(cell(row[column])))
		}
		total += most
	}
	return total
}

// cell makes a text fit for a table.
func cell(s string) string {
	if s == "" {
		return "-"
	}
	return printable(s)
}

// printable replaces what could move the cursor of an administrator's terminal or
// turn its text around. Devices write the texts that tmsctl shows.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// when is a time in UTC, or as the service says it if it tells no zone.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if !admin.HasZone(t) {
		return t.Format("2006-01-02 15:04") + " (no zone)"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// printJSON prints v, in which every character that cannot be printed is escaped.
func (t *tool) printJSON(v any) error {
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(t.out, escaped(text.String(), '\n'))
	return err
}

// escaped writes each character that cannot be printed as \uXXXX, as JSON does,
// but for those to keep.
func escaped(s string, keep ...rune) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) || slices.Contains(keep, r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}
