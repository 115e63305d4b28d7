package main

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"regent/agent/policy"
	"regent/agent/tms/contract"
)

const referenceHead = `# Every key of the configuration

Made from the table in agent/policy/table.go by ` + "`go generate ./configs`" + `. Change the table, not this file.

The last of these layers that sets a key decides its value: the compiled default, config.yaml, config.d/*.yaml in the
order of their names, managed policy. ` + "`*`" + ` stands for an item of a list. *Applies* shows whether a changed value needs a
restart of the daemon or a reload (SIGHUP).

| key | value | default | applies | since | meaning |
|---|---|---|---|---|---|
`

// reference returns the keys as a Markdown table.
func reference(table []policy.Definition) []byte {
	var b bytes.Buffer
	b.WriteString(referenceHead)
	for _, d := range table {
		applies := "reload"
		if d.Restart {
			applies = "restart"
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

// defaultCell returns the default of a key for a cell.
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

const contractHead = `# The service: proven and assumed facts

Made from the table in agent/tms/contract by ` + "`go generate ./configs`" + `. Change the table, not this file.

For Contact Administrators with a real tenant, and for reviewers. This page says how well each part of the service is
known. This project had no tenant, so nothing below was tested against one.

`

const contractMiddle = `
Your tenant answers the open questions. Each of these commands prints its answers as a block for a support ticket. The
block contains no secret:

- ` + "`regent doctor --contract`" + ` on a device. It uses no count.
- ` + "`tmsctl contract`" + ` for a Contact Administrator. It only reads.
- ` + "`tmsctl trial`" + ` for a Contact Administrator. It uses at most 3 counts. It deletes the tokens that it creates.

*Key* is the configuration key for the form. Without a key, Regent accepts each form that it knows.

| row | what | tag | what Regent expects | key | shown by |
|---|---|---|---|---|---|
`

// contractTable writes the rows of the contract, for people.
func contractTable([]policy.Definition) []byte {
	var b bytes.Buffer
	b.WriteString(contractHead + "| tag | meaning |\n|---|---|\n")
	for _, tag := range contract.Tags() {
		fmt.Fprintf(&b, "| %s | %s |\n", tag[0], tag[1])
	}
	b.WriteString(contractMiddle)
	for _, r := range contract.Rows() {
		key := r.Key
		if key != "" {
			key = "`" + key + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.ID, cell(r.Title), r.Tag, cell(r.Taken), key, reportedBy(r))
	}
	return b.Bytes()
}

// reportedBy returns the commands that report a row, the cheapest ones.
func reportedBy(r contract.Row) string {
	var tellers []string
	if r.Device != "" {
		tellers = append(tellers, "doctor")
	}
	if r.Trial {
		tellers = append(tellers, "trial")
	} else if r.Administrator != "" {
		tellers = append(tellers, "tmsctl contract")
	}
	return cmp.Or(strings.Join(tellers, ", "), "no command")
}
