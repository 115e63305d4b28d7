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

// list prints a table that fits the terminal.
func (t *tool) list(rows [][]string) error { return table(t.out, t.fitting(rows)) }

// fitting returns rows as wide as the terminal: columns that do not fit are left
// out from the right, and that is said. The first two always stand. What is no
// terminal gets all of them.
func (t *tool) fitting(rows [][]string) [][]string {
	n := len(rows[0])
	for n > 2 && t.width > 0 && wide(rows, n) > t.width {
		n--
	}
	if n == len(rows[0]) {
		return rows
	}
	t.say("tmsctl: note: too narrow for %s; --json has all, and so has a wider terminal\n", strings.Join(rows[0][n:], ", "))
	cut := make([][]string, len(rows))
	for i, row := range rows {
		cut[i] = row[:n]
	}
	return cut
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
