package main

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"regent/agent/policy"
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
	say    func(format string, args ...any) // nil tells nobody
}

// readCSV reads a CSV file as spreadsheets and scripts write it: UTF-8 or UTF-16,
// separated by comma, semicolon or tab. Its first row names the columns, in any
// case of letters; needed ones must be there. Rows without any text are left out.
// An error names the file, and the line where one is at fault.
func readCSV(name string, want csvColumns) ([]csvRow, error) {
	text, comma, skipped, err := want.open(name)
	if err != nil {
		return nil, inFile(name, err)
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord = comma, -1
	var columns []string
	var rows []csvRow
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if broken, ok := errors.AsType[*csv.ParseError](err); ok {
			err = lineError{broken.StartLine + skipped, broken.Err}
		}
		if err != nil {
			return nil, inFile(name, err)
		}
		if blank(record) {
			continue
		}
		line, _ := r.FieldPos(0)
		if columns == nil {
			if columns, err = head(record); err == nil {
				err = want.check(name, columns, comma)
			}
		} else {
			var cells map[string]string
			cells, err = cellsByColumn(columns, record)
			rows = append(rows, csvRow{line + skipped, cells})
		}
		if err != nil {
			return nil, inFile(name, lineError{line + skipped, err})
		}
	}
}

// open reads a file's text, what separates its cells, and how many lines were taken off.
func (c csvColumns) open(name string) (text string, comma rune, skipped int, err error) {
	content, err := readBounded(name)
	if err != nil {
		return "", 0, 0, withoutPath(err)
	}
	if text, err = decodeText(content); err != nil {
		return "", 0, 0, err
	}
	comma, skipped, err = separator(&text, c.needed)
	return text, comma, skipped, err
}

// cellsByColumn are the cells of a row by the names of their columns.
func cellsByColumn(columns, record []string) (map[string]string, error) {
	cells := make(map[string]string, len(columns))
	for i, cell := range record {
		switch {
		case i < len(columns):
			cells[columns[i]] = cell
		case strings.TrimSpace(cell) != "":
			return nil, errors.New("has more cells than the first row; put double quotes around a cell that contains a separator")
		}
	}
	return cells, nil
}

// lineError is an error in a line of a file.
type lineError struct {
	line int
	why  error
}

func (a lineError) Error() string { return fmt.Sprintf("line %d: %v", a.line, a.why) }
func (a lineError) Unwrap() error { return a.why }

// inFile names the file of an error, and the line if the error is of one.
func inFile(name string, err error) error {
	if a, ok := errors.AsType[lineError](err); ok {
		return fmt.Errorf("%s:%d: %w", name, a.line, a.why)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// separatorNames are the separators in words.
var separatorNames = map[rune]string{',': "comma", ';': "semicolon", '\t': "tab"}

// check looks for columns that would be left out of account by mistake. Others that
// are not read are told.
func (c csvColumns) check(name string, columns []string, comma rune) error {
	read := slices.Concat(c.needed, c.optional)
	var missing, unread []string
	for _, r := range read {
		if !slices.Contains(columns, r) {
			missing = append(missing, r)
		}
	}
	for _, column := range columns {
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
		if near := policy.Nearest(column, missing); near != "" {
			return fmt.Errorf("column %q is unknown; did you mean %s? Rename the column, or remove it", column, near)
		}
		unread = append(unread, column)
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

// decodeText returns the text of a file in UTF-8 or UTF-16, with or without a byte
// order mark. Any other encoding is an error: what its letters mean is not known.
func decodeText(content []byte) (string, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xfe")):
		order, content = binary.LittleEndian, content[2:]
	case bytes.HasPrefix(content, []byte("\xfe\xff")):
		order, content = binary.BigEndian, content[2:]
	}
	if order != nil {
		if len(content)%2 != 0 {
			return "", errors.New("is UTF-16 and ends in the middle of a character; save it again")
		}
		units := make([]uint16, len(content)/2)
		for i := range units {
			units[i] = order.Uint16(content[2*i:])
		}
		content = []byte(string(utf16.Decode(units)))
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	if !bytes.Contains(content, []byte("\n")) { // lines as an old Macintosh ended them
		content = bytes.ReplaceAll(content, []byte("\r"), []byte("\n"))
	}
	line := 0
	for part := range bytes.Lines(content) {
		line++
		switch {
		case bytes.IndexByte(part, 0) >= 0:
			return "", lineError{line, errors.New("is no text; save the file as \"CSV UTF-8\"")}
		case !utf8.Valid(part):
			return "", lineError{line, fmt.Errorf("%q is not UTF-8, perhaps the ANSI code page of some system; save the file as \"CSV UTF-8\"", undecodableCell(part))}
		}
	}
	return string(content), nil
}

// undecodableCell is the cell of a line in which the first character stands that is not UTF-8.
func undecodableCell(line []byte) []byte {
	at := bytes.IndexRune(line, utf8.RuneError) // which finds what is not UTF-8
	begin := bytes.LastIndexAny(line[:at], separators) + 1
	if end := bytes.IndexAny(line[at:], separators+"\r\n"); end >= 0 {
		line = line[:at+end]
	}
	return line[begin:]
}

// separators are those that spreadsheets write, by the system's settings.
const separators = ",;\t"

// separator finds out what separates the cells of text, by the columns that are
// needed. A first line sep=X, which some spreadsheets write, says it and is taken
// off text; skipped is how many lines were.
func separator(text *string, needed []string) (comma rune, skipped int, err error) {
	first, rest, _ := strings.Cut(*text, "\n")
	if said, ok := strings.CutPrefix(strings.ToLower(strings.TrimRight(first, "\r")), "sep="); ok {
		if utf8.RuneCountInString(said) != 1 || !strings.Contains(separators, said) {
			return 0, 0, lineError{1, fmt.Errorf("%q: the separator must be comma, semicolon or tab", strings.TrimRight(first, "\r"))}
		}
		*text, skipped = rest, 1
	}
	missing := ""
	for _, comma := range separators {
		columns := firstRow(*text, comma)
		lacking := lacks(columns, needed)
		if lacking == "" {
			return comma, skipped, nil
		}
		if missing == "" || len(columns) > 1 {
			missing = lacking
		}
	}
	return 0, 0, fmt.Errorf("has no column %s: its first row must name the columns, separated by comma, semicolon or tab", missing)
}

// firstRow is the first row of text that is not blank, as names of columns.
func firstRow(text string, comma rune) []string {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord = comma, -1
	for {
		record, err := r.Read()
		if err != nil {
			return nil
		}
		if !blank(record) {
			columns := make([]string, len(record))
			for i, name := range record {
				columns[i] = columnName(name)
			}
			return columns
		}
	}
}

func lacks(columns, needed []string) string {
	have := map[string]bool{}
	for _, c := range columns {
		have[c] = true
	}
	for _, n := range needed {
		if !have[n] {
			return n
		}
	}
	return ""
}

// head reads the names of the columns. Two of one name are an error, since it is
// not known which one counts.
func head(record []string) ([]string, error) {
	columns := make([]string, len(record))
	seen := map[string]bool{}
	for i, name := range record {
		columns[i] = columnName(name)
		if columns[i] != "" && seen[columns[i]] {
			return nil, fmt.Errorf("two columns are called %s", columns[i])
		}
		seen[columns[i]] = true
	}
	return columns, nil
}

// columnName is a column's name as people write it: "Ref ID 1" is ref_id_1.
func columnName(name string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(name)))
}

func blank(record []string) bool {
	for _, cell := range record {
		if strings.TrimSpace(cell) != "" {
			return false
		}
	}
	return true
}

// writeCSV writes a list for spreadsheets, each cell as [csvCell] has it.
func writeCSV[T any](w io.Writer, head []string, list []T, cells func(T) []string) error {
	rows := [][]string{head}
	for _, one := range list {
		row := cells(one)
		for i := range row {
			row[i] = csvCell(row[i])
		}
		rows = append(rows, row)
	}
	return csv.NewWriter(w).WriteAll(rows)
}

// csvCell makes a text that a device wrote fit for a spreadsheet. What cannot be
// printed is escaped, so that a line end ends no row. A character that begins a
// formula gets an apostrophe before it wherever a cell may begin: at the start,
// and after each separator that some locale has.
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
