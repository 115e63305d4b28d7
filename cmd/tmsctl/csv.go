package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"regent/agent/suggest"
	"regent/agent/token"
	"regent/platform/terminal"
)

// maxCSV bounds a CSV file, in bytes.
const maxCSV = 256 << 20

// csvRow is a row of a CSV file by the names of its columns.
type csvRow struct {
	line  int
	cells map[string]string
}

// text is the cell of a column, without spaces around it; "" if the row has none.
func (r csvRow) text(column string) string { return strings.TrimSpace(r.cells[column]) }

// names reports whether the cell identifier is that of an auth token: as
// [writeCSV] writes it, or as somebody typed it.
func (r csvRow) names(identifier string) bool {
	return r.text("identifier") == strings.TrimSpace(csvCell(identifier)) || r.text("identifier") == strings.TrimSpace(identifier)
}

// csvColumns are the columns of a kind of CSV file.
type csvColumns struct {
	needed, optional []string
	// others are columns that tmsctl or regent writes into such a file, and ignores.
	// say reports each other column that is ignored.
	others []string
	say    func(format string, args ...any) // nil for no reports
	// refuse returns an error for a file with the columns of another kind. It gets the
	// columns that are neither read nor in others; say reports these if it returns nil.
	refuse func(columns, unknown []string) error
}

// readCSV reads a CSV file as spreadsheets and scripts write it: UTF-8 or UTF-16,
// separated by comma, semicolon or tab. Its first row names the columns, in any
// case of letters; needed ones must be there. Rows without any text are left out.
// An error names the file, and the line where one is at fault.
func readCSV(name string, want csvColumns) ([]csvRow, error) {
	rows, err := want.read(name)
	if at, ok := errors.AsType[lineError](err); ok {
		return nil, fmt.Errorf("%s:%d: %w", name, at.line, at.why)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rows, nil
}

// read finds the separator of the cells by the required columns. It skips a first line
// sep=X, which some spreadsheets write.
func (c csvColumns) read(name string) ([]csvRow, error) {
	content, err := readBounded(name)
	if err != nil {
		return nil, withoutPath(err)
	}
	text, err := decodeText(content)
	if err != nil {
		return nil, err
	}
	text, skipped, err := withoutSeparatorLine(text)
	if err != nil {
		return nil, err
	}
	if begin := strings.TrimSpace(text); strings.HasPrefix(begin, "{") || strings.HasPrefix(begin, "[") {
		return nil, errJSON
	}
	missing := ""
	for _, comma := range separators {
		r := csvReader{csv.NewReader(strings.NewReader(text)), skipped}
		r.Comma, r.FieldsPerRecord = comma, -1
		columns, line, _ := r.next() // an unreadable file has no columns
		for i, column := range columns {
			columns[i] = columnName(column)
		}
		lacking := slices.IndexFunc(c.needed, func(needed string) bool { return !slices.Contains(columns, needed) })
		if lacking < 0 {
			if err := c.check(name, columns, comma); err != nil {
				return nil, lineError{line, err}
			}
			return r.rows(columns)
		}
		if missing == "" || len(columns) > 1 {
			missing = c.needed[lacking]
		}
	}
	return nil, &missingColumnError{missing}
}

// withoutSeparatorLine returns the text below a first line such as sep=; and the number of
// lines that it left out.
func withoutSeparatorLine(text string) (rest string, skipped int, err error) {
	first, below, _ := strings.Cut(text, "\n")
	first = strings.TrimRight(first, "\r")
	said, ok := strings.CutPrefix(strings.ToLower(first), "sep=")
	if !ok {
		return text, 0, nil
	}
	if utf8.RuneCountInString(said) != 1 || !strings.Contains(separators, said) {
		return "", 0, lineError{1, fmt.Errorf("%q: the separator must be comma, semicolon or tab", first)}
	}
	return below, 1, nil
}

// errJSON means that a file has the output of --json.
var errJSON = errors.New("is JSON, not CSV: make it again with --csv instead of --json")

// missingColumnError means that a file lacks a column.
type missingColumnError struct{ column string }

func (e *missingColumnError) Error() string {
	return fmt.Sprintf("has no column %s: its first row must name the columns, separated by comma, semicolon or tab", e.column)
}

// csvReader reads rows with their lines in the file.
type csvReader struct {
	*csv.Reader
	skipped int // lines before the text
}

// next is the next row that is not blank.
func (r csvReader) next() (record []string, line int, err error) {
	for err == nil && !slices.ContainsFunc(record, func(cell string) bool { return strings.TrimSpace(cell) != "" }) {
		record, err = r.Read()
	}
	if broken, ok := errors.AsType[*csv.ParseError](err); ok {
		return nil, 0, lineError{broken.StartLine + r.skipped, broken.Err}
	}
	if err == nil {
		line, _ = r.FieldPos(0)
	}
	return record, line + r.skipped, err
}

// rows reads the rows behind the head. A row must have a cell for each column up to the last
// one with a name: a file that was cut short loses its last cells.
func (r csvReader) rows(columns []string) (rows []csvRow, err error) {
	named := len(columns)
	for named > 0 && columns[named-1] == "" {
		named--
	}
	for {
		record, line, err := r.next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		if len(record) < named {
			return nil, lineError{line, fmt.Errorf("the row ends after %d of %s; the file may be cut short: make it again, or add the missing separators", len(record), counted(named, "column"))}
		}
		row := csvRow{line, make(map[string]string, len(columns))}
		for i, cell := range record {
			switch {
			case i < len(columns):
				row.cells[columns[i]] = cell
			case strings.TrimSpace(cell) != "":
				return nil, lineError{line, errors.New("has more cells than the first row; put double quotes around a cell that contains a separator")}
			}
		}
		rows = append(rows, row)
	}
}

// lineError is an error in a line of a file.
type lineError struct {
	line int
	why  error
}

func (a lineError) Error() string { return fmt.Sprintf("line %d: %v", a.line, a.why) }
func (a lineError) Unwrap() error { return a.why }

// separatorNames are the separators in words.
var separatorNames = map[rune]string{',': "comma", ';': "semicolon", '\t': "tab"}

// check looks for columns that would be ignored by mistake. It reports others that are
// not read.
func (c csvColumns) check(name string, columns []string, comma rune) error {
	read := slices.Concat(c.needed, c.optional)
	missing := slices.DeleteFunc(slices.Clone(read), func(column string) bool { return slices.Contains(columns, column) })
	var unread []string
	for i, column := range columns {
		if column != "" && slices.Contains(columns[:i], column) { // it is not known which one counts
			return fmt.Errorf("two columns are called %s", column)
		}
		if column == "" || slices.Contains(read, column) || slices.Contains(c.others, column) {
			continue
		}
		for _, other := range separators {
			for part := range strings.SplitSeq(column, string(other)) {
				if other != comma && slices.Contains(read, columnName(part)) {
					return fmt.Errorf("column %q contains a %s, but the separator of the file is %s: use one separator in all rows", column, separatorNames[other], separatorNames[comma])
				}
			}
		}
		if near := suggest.Nearest(column, missing); near != "" {
			return fmt.Errorf("column %q is unknown; did you mean %s? Rename the column, or remove it", column, near)
		}
		unread = append(unread, column)
	}
	if c.refuse != nil {
		if err := c.refuse(columns, unread); err != nil {
			return err
		}
	}
	if len(unread) > 0 && c.say != nil {
		c.say("tmsctl: warning: %s: ignored column: %s; known columns: %s\n", name, terminal.Printable(strings.Join(unread, ", ")), strings.Join(read, ", "))
	}
	return nil
}

func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the file that its reader named
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	content, err := io.ReadAll(io.LimitReader(f, maxCSV+1))
	if err == nil && len(content) > maxCSV {
		err = fmt.Errorf("has more than %d MiB", maxCSV>>20)
	}
	return content, err
}

// decodeText returns the text of a file in UTF-8 or UTF-16, with or without a byte order
// mark. Any other encoding is an error, since its letters are unknown.
func decodeText(content []byte) (string, error) {
	text, err := token.DecodeText(content)
	if err != nil {
		return "", err
	}
	if !strings.Contains(text, "\n") { // lines as an old Macintosh ended them
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	line := 0
	for part := range strings.Lines(text) {
		line++
		switch {
		case strings.Contains(part, "\x00"):
			return "", lineError{line, errors.New("is no text; save the file as \"CSV UTF-8\"")}
		case !utf8.ValidString(part):
			return "", lineError{line, fmt.Errorf("%q is not UTF-8, perhaps the ANSI code page of some system; save the file as \"CSV UTF-8\"", undecodableCell(part))}
		}
	}
	return text, nil
}

// undecodableCell is the cell of a line in which the first character stands that is not UTF-8.
func undecodableCell(line string) string {
	at := strings.IndexRune(line, utf8.RuneError) // which finds invalid UTF-8
	begin := strings.LastIndexAny(line[:at], separators) + 1
	if end := strings.IndexAny(line[at:], separators+"\r\n"); end >= 0 {
		line = line[:at+end]
	}
	return line[begin:]
}

// separators are those that spreadsheets write, by the system's settings.
const separators = ",;\t"

// columnName is a column's name as people write it: "Ref ID 1" is ref_id_1.
func columnName(name string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(name)))
}

// writeCSV writes a list for spreadsheets, each cell as [csvCell] has it.
func writeCSV[T any](w io.Writer, list []T, members func(T) object) error {
	var none T
	rows := [][]string{columnsOf(members(none))}
	for _, one := range list {
		var row []string
		for _, m := range members(one) {
			switch value := m.value.(type) {
			case nil:
				row = append(row, "")
			case bool:
				row = append(row, yesNo(value))
			default:
				row = append(row, csvCell(fmt.Sprint(value)))
			}
		}
		rows = append(rows, row)
	}
	return csv.NewWriter(w).WriteAll(rows)
}

// columnsOf are the names of the members of o.
func columnsOf(o object) []string {
	var names []string
	for _, m := range o {
		names = append(names, m.name)
	}
	return names
}

// csvCell makes a text that a device wrote fit for a spreadsheet. It escapes unprintable
// characters, so that a line end ends no row. A character that begins a formula gets an
// apostrophe before it wherever a cell may begin: at the start, and after each separator
// that some locale has.
func csvCell(s string) string {
	const formula, between, skipped = "=+-@＝＋－＠", ",;\t|،؛、；，", " '\"\u00a0\u3000"
	var b strings.Builder
	begins := true // a cell may begin here
	start := 0     // where it would, in b
	for _, r := range escaped(s) {
		switch {
		case begins && strings.ContainsRune(formula, r):
			text := b.String()
			b.Reset()
			b.WriteString(text[:start] + "'" + text[start:])
			begins = false
		case begins && !strings.ContainsRune(skipped, r):
			begins = false
		}
		b.WriteRune(r)
		if strings.ContainsRune(between, r) {
			begins, start = true, b.Len()
		}
	}
	return b.String()
}

// yesNo is a value as a cell, which [yesOrNo] reads.
func yesNo(value bool) string {
	if value {
		return "yes"
	}
	return "no"
}
