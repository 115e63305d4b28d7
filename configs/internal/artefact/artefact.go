// Package artefact writes the files that are made from policy's table: the
// commented default configuration and the reference. It is pure, so that a test
// can compare what it would write with what is shipped. It must not know where
// the files go.
package artefact

import (
	"fmt"
	"strings"
	"time"

	"regent/agent/policy"
)

// File is one generated file.
type File struct {
	Name string // in configs/
	Data []byte
}

// Files returns everything that is generated into configs/.
func Files() []File {
	table := policy.Table()
	return []File{
		{"config.yaml", config(table)},
		{"REFERENCE.md", reference(table)},
	}
}

// value writes what stands behind a key's colon: its default, or an example if
// the default is empty.
func value(d policy.Definition) string {
	if d.Example != "" {
		return d.Example
	}
	return standard(d)
}

// standard writes a key's default as YAML, "" for none.
func standard(d policy.Definition) string {
	switch v := d.Default.(type) {
	case nil:
		return ""
	case string:
		if v == "" {
			return `""`
		}
	case time.Duration:
		return policy.FormatDuration(v)
	}
	return fmt.Sprint(d.Default)
}

// accepts says in words which values a key takes.
func accepts(d policy.Definition) string {
	switch d.Type {
	case policy.Word:
		return strings.Join(d.Words, ", ")
	case policy.Int:
		return fmt.Sprintf("%s, %d to %d", d.Type, d.Min, d.Max)
	case policy.Duration:
		low, high := time.Duration(d.Min), time.Duration(d.Max)
		return fmt.Sprintf("%s, %s to %s", d.Type, policy.FormatDuration(low), policy.FormatDuration(high))
	case policy.Text, policy.Path, policy.Bool, policy.Names, policy.Executables, policy.Rules, policy.Applications:
	}
	return string(d.Type)
}

// wrap breaks text at spaces into lines of at most width bytes.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
