package main

import (
	"bytes"
	"fmt"
	"strings"

	"regent/agent/policy"
)

const referenceHead = `# Every key of the configuration

Made from the table in agent/policy/table.go by ` + "`go generate ./configs`" + `. Change the table, not this file.

A value is taken from the last of these layers that sets it: the compiled default, config.yaml, config.d/*.yaml in the
order of their names, managed policy. ` + "`*`" + ` stands for an item of a list. *Applies* says whether a changed value needs a
restart of the daemon or a reload (SIGHUP).

| key | value | default | applies | since | meaning |
|---|---|---|---|---|---|
`

// reference writes the table as a table.
func reference(table []policy.Definition) []byte {
	var b bytes.Buffer
	b.WriteString(referenceHead)
	for _, d := range table {
		applies := "restart"
		if d.Reloadable {
			applies = "reload"
		}
		text := d.Doc
		if d.Example != "" {
			text += " Example: `" + d.Example + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n",
			d.Key, cell(valueText(d)), cell(defaultCell(d)), applies, d.Since, cell(text))
	}
	return b.Bytes()
}

// defaultCell says what rules where nothing is set, for a cell.
func defaultCell(d policy.Definition) string {
	text := defaultText(d)
	switch {
	case d.Required:
		return "required"
	case text == "":
		return ""
	}
	return "`" + text + "`"
}

// cell makes text fit into one cell of a Markdown table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
