package main

import (
	"encoding/json"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"
)

// table prints rows in columns; the first one is the head.
func table(w io.Writer, rows [][]string) error {
	columns := tabwriter.NewWriter(w, 0, 0, gap, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, text := range row {
			cells[i] = cell(text)
		}
		if _, err := io.WriteString(columns, strings.Join(cells, "\t")+"\n"); err != nil {
			return err
		}
	}
	return columns.Flush()
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
		n := utf8.RuneCountInString(word)
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

// gap is how many spaces stand between two columns.
const gap = 2

// wide is how many characters a table of the first n columns is wide.
func wide(rows [][]string, n int) int {
	total := (n - 1) * gap
	for column := range n {
		most := 0
		for _, row := range rows {
			most = max(most, utf8.RuneCountInString(cell(row[column])))
		}
		total += most
	}
	return total
}

// cell makes a text fit for a table. Devices write what stands in it, and must
// not be able to move the cursor of an administrator's terminal.
func cell(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
	if s == "" {
		return "-"
	}
	return s
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func (t *tool) printJSON(v any) error {
	e := json.NewEncoder(t.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
