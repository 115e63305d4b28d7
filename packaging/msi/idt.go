package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Table is one table of an installer database.
type Table struct {
	Name    string
	Columns []Column
	Keys    int // how many of the columns, from the left, are its primary key
	Rows    [][]string
}

// Column has a name, and a type as in the archive files of Windows Installer. The type is
// a letter and a size: s text, l localizable text, i a number, v binary. It is upper case
// if a cell may be empty.
type Column struct{ Name, Type string }

// add appends a row. Columns that are not given are empty.
func (t *Table) add(cells ...string) {
	row := make([]string, len(t.Columns))
	if len(cells) > len(row) {
		panic(fmt.Sprintf("[unexpected] %s has %d columns, and %d were given", t.Name, len(row), len(cells)))
	}
	copy(row, cells)
	t.Rows = append(t.Rows, row)
}

// IDT is the table in the form that msibuild reads and msiinfo writes. Rows are
// in the order of their keys, so that the same table is the same text.
func (t Table) IDT() string {
	var b strings.Builder
	names, types := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i], types[i] = c.Name, c.Type
	}
	line := func(cells ...string) { b.WriteString(strings.Join(cells, "\t") + "\r\n") }
	line(names...)
	line(types...)
	line(append([]string{t.Name}, names[:t.Keys]...)...)
	rows := slices.Clone(t.Rows)
	slices.SortFunc(rows, slices.Compare[[]string])
	for _, row := range rows {
		line(row...)
	}
	return b.String()
}

// check returns an error for content that cannot be written as text.
func (t Table) check() error {
	keys := map[string]bool{}
	for _, row := range t.Rows {
		key := strings.Join(row[:t.Keys], "\t")
		if keys[key] {
			return fmt.Errorf("table %s: the key %q is there twice", t.Name, key)
		}
		keys[key] = true
		for i, cell := range row {
			c := t.Columns[i]
			switch {
			case strings.ContainsAny(cell, "\t\r\n") || strings.ContainsFunc(cell, notLatin):
				return fmt.Errorf("table %s, row %q, column %s: only printable letters of Latin-1 can be written", t.Name, key, c.Name)
			case cell == "" && !c.nullable():
				return fmt.Errorf("table %s, row %q: column %s may not be empty", t.Name, key, c.Name)
			case c.width() > 0 && utf8.RuneCountInString(cell) > c.width():
				return fmt.Errorf("table %s, row %q: column %s holds %d characters, not %d", t.Name, key, c.Name, c.width(), utf8.RuneCountInString(cell))
			}
		}
	}
	return nil
}

// notLatin reports whether code page 1252 has r at another place than Unicode, or
// not at all.
func notLatin(r rune) bool { return r > '~' && r < 0xa0 || r > 0xff }

func (c Column) nullable() bool { return c.Type[0] < 'a' }

// width is how many characters of text the column holds, or 0 if that does not
// matter.
func (c Column) width() int {
	var n int
	if kind := c.Type[0] | 0x20; kind != 's' && kind != 'l' {
		return 0
	}
	if _, err := fmt.Sscanf(c.Type[1:], "%d", &n); err != nil {
		return 0
	}
	return n
}

// ParseIDT reads the output of [Table.IDT] and of msiinfo.
func ParseIDT(text string) (Table, error) {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	if len(lines) < 3 {
		return Table{}, fmt.Errorf("the export of a table has %d lines, and at least 3 are needed", len(lines))
	}
	names, types, head := strings.Split(lines[0], "\t"), strings.Split(lines[1], "\t"), strings.Split(lines[2], "\t")
	if len(names) != len(types) || len(head) < 2 || len(head)-1 > len(names) {
		return Table{}, fmt.Errorf("the export of a table has %d names and %d types of columns, and %d keys", len(names), len(types), len(head)-1)
	}
	t := Table{Name: head[0], Keys: len(head) - 1}
	for i, name := range names {
		if types[i] == "" {
			return Table{}, fmt.Errorf("table %s: column %s has no type", t.Name, name)
		}
		t.Columns = append(t.Columns, Column{Name: name, Type: types[i]})
	}
	for _, line := range lines[3:] {
		cells := strings.Split(line, "\t")
		if len(cells) != len(names) {
			return Table{}, fmt.Errorf("table %s: a row has %d cells and not %d: %q", t.Name, len(cells), len(names), line)
		}
		t.Rows = append(t.Rows, cells)
	}
	return t, nil
}
