package main

import (
	"fmt"
	"strings"
	"time"

	"regent/agent/policy"
)

// file is one generated file.
type file struct {
	name string // from the top of the tree, with slashes
	data []byte
}

const generatedFrom = "Made from the table in agent/policy/table.go by go generate ./configs. Change the table, not this file."

// tableFiles returns the files that are made from the table of keys.
func tableFiles() ([]file, error) {
	const mdm = "packaging/mdm/"
	table := policy.Table()
	makers := []struct {
		name string
		make func() ([]byte, error)
	}{
		{"configs/config.yaml", fromTable(config, table)},
		{"configs/REFERENCE.md", fromTable(reference, table)},
		{"agent/tms/CONTRACT.md", fromTable(contractTable, table)},
		{"configs/regent.yaml.5", fromTable(manual, table)},
		{"configs/regent.schema.json", fromTable(jsonSchema, table)},
		{mdm + "group-policy/regent.admx", fromTemplate("regent.admx", true, table)},
		{mdm + "group-policy/en-US/regent.adml", fromTemplate("regent.adml", true, table)},
		{mdm + "intune/oma-uri.csv", func() ([]byte, error) { return omaURIs(table) }},
		{mdm + "jamf/regent.mobileconfig", fromTemplate("regent.mobileconfig", false, table)},
		{mdm + "jamf/" + domain + ".plist", fromTemplate("manifest.plist", false, table)},
	}
	var files []file
	for _, m := range makers {
		data, err := m.make()
		if err != nil {
			return nil, fmt.Errorf("make %s: %w", m.name, err)
		}
		files = append(files, file{m.name, data})
	}
	return files, nil
}

func fromTable(write func([]policy.Definition) []byte, table []policy.Definition) func() ([]byte, error) {
	return func() ([]byte, error) { return write(table), nil }
}

func fromTemplate(template string, windows bool, table []policy.Definition) func() ([]byte, error) {
	return func() ([]byte, error) { return renderTemplate(template, windows, table) }
}

// value returns the value of a key in the default file: its default, or an example if the
// default is empty.
func value(d policy.Definition) string {
	if d.Example != "" {
		return d.Example
	}
	return defaultText(d)
}

// defaultText returns a key's default as YAML, or "" for none.
func defaultText(d policy.Definition) string {
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

// valueText returns the valid values of a key, for people.
func valueText(d policy.Definition) string {
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
