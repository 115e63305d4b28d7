package artefact

import (
	"bytes"
	"fmt"

	"regent/agent/policy"
	"regent/agent/tms/contract"
)

const contractHead = `# What is known of the service

Made from the table in agent/tms/contract by ` + "`go generate ./configs`" + `: change that one, not this text.

For whoever has a real tenant, and for whoever has to know how far Regent can be relied on. Nobody of this project had a
tenant: nothing below was tried against one.

`

const contractMiddle = `
A tenant tells the rest. These commands print what it showed as one block, ready for a support ticket, without a secret:

- ` + "`regent doctor --contract`" + ` on a device: no count is used.
- ` + "`tmsctl contract`" + ` for a Contact Administrator: it only reads.
- ` + "`tmsctl trial`" + ` for a Contact Administrator: it uses at most 3 counts, and deletes what it makes.

*Key* is the configuration that selects it. Where a row has none, Regent takes every form that it knows.

| row | what | tag | how Regent takes it | key | told by |
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
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.ID, cell(r.Title), r.Tag, cell(r.Taken), key, toldBy(r))
	}
	return b.Bytes()
}

// toldBy is which command tells a row first, at the least cost.
func toldBy(r contract.Row) string {
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
		return "nothing: never tried"
	}
	return text
}
