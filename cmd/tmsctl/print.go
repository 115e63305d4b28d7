package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/platform/terminal"
)

// columns are rows in columns; the first one is the head.
func columns(rows [][]string) string { return terminal.Columns(printableCells(rows)) }

// printf prints the result of a command.
func (t *tool) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(t.out, format, args...)
	return err
}

func printableCells(rows [][]string) [][]string {
	shown := make([][]string, len(rows))
	for i, row := range rows {
		shown[i] = make([]string, len(row))
		for j, text := range row {
			shown[i][j] = tableCell(text)
		}
	}
	return shown
}

// object is a thing for scripts, member by member, also the columns of CSV. Names may be
// added, never changed. JSON omits a member with the value nil.
type object []member

type member struct {
	name  string
	value any
}

var _ json.Marshaler = object(nil)

// members are names and their values, one after the other.
func members(pairs ...any) object {
	var o object
	for pair := range slices.Chunk(pairs, 2) {
		o = append(o, member{pair[0].(string), pair[1]})
	}
	return o
}

// MarshalJSON implements [json.Marshaler].
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	between := "{"
	for _, m := range o {
		if m.value == nil {
			continue
		}
		fmt.Fprintf(&b, "%s%q:", between, m.name)
		if err := e.Encode(m.value); err != nil {
			return nil, err
		}
		between = ","
	}
	return append(b.Bytes(), '}'), nil
}

// objects are things for scripts. They are never nil, so that their JSON is an array.
func objects[T any](all []T, toJSON func(T) object) []object {
	out := make([]object, len(all))
	for i, one := range all {
		out[i] = toJSON(one)
	}
	return out
}

// optional is a text that is left out if it is empty.
func optional(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// listed returns the error of a list that cannot be shown. An incomplete list is no error
// here: the program reports it at its end.
func (t *tool) listed(err error) error {
	if part, ok := errors.AsType[*admin.IncompleteError](err); ok {
		t.part = part
		return nil
	}
	return err
}

// table returns a table that fits the terminal. Columns that do not fit stand below their
// row, by name. Without a terminal each row is one line.
func (t *tool) table(rows [][]string) string { return terminal.Table(printableCells(rows), t.width) }

// wrap is a text that fits the terminal.
func (t *tool) wrap(text string) string { return terminal.WrapText(text, t.width) }

// printList prints a list of things: as JSON, in a table with this head, or the line that
// there are none.
func printList[T any](t *tool, things string, all []T, toJSON func(T) object, head []string, cells func(T) []string) error {
	if t.flags.json {
		out := objects(all, toJSON)
		if t.part == nil {
			return t.printJSON(out)
		}
		// A script that takes it for a whole list must fail.
		j := map[string]any{"incomplete": true, "listed": t.part.Read, strings.ReplaceAll(things, " ", "_"): out}
		if t.part.Total >= 0 {
			j["total"] = t.part.Total
		}
		return t.printJSON(j)
	}
	switch {
	case len(all) == 0 && t.part != nil:
		return nil //nolint:nilerr // reported at the end of the command
	case len(all) == 0:
		return t.printf("no %s\n", things)
	}
	rows := [][]string{head}
	for _, one := range all {
		rows = append(rows, cells(one))
	}
	return t.printf("%s", t.table(rows))
}

// tableCell makes a text fit for a table.
func tableCell(s string) string {
	if s == "" {
		return "-"
	}
	return terminal.Printable(s)
}

// timeText is a time in UTC, or the service's text if that has no zone.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	switch {
	case t.Location() == tms.NoTime:
		return t.Format(time.DateOnly)
	case !admin.HasZone(t):
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
	return t.printf("%s", escaped(text.String(), '\n'))
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
