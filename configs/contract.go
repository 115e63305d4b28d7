package main

import (
	"bytes"
	"fmt"

	"regent/agent/policy"
	"regent/agent/tms/contract"
)

const contractHead = `# What is known about the service

Made from the table in agent/tms/contract by ` + "`go generate ./configs`" + `. Change the table, not this file.

For Contact Administrators with a real tenant, and for reviewers. This page says how well each part of the service is
known. This project had no tenant, so nothing below was tested against one.

`

const contractMiddle = `
Your tenant answers the open questions. Each of these commands prints its answers as a block for a support ticket. The
block holds no secret:

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

// reportedBy is which command tells a row first, at the least cost.
func reportedBy(r contract.Row) string {
	text := ""
	for _, teller := range []struct {
		name string
		does bool
	}{
		{"doctor", r.Device != ""}, {"tmsctl contract", r.Administrator != "" && !r.Trial}, {"trial", r.Trial},
	} {
		if !teller.does {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += teller.name
	}
	if text == "" {
		return "no command"
	}
	return text
}
