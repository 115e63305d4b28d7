package main

import (
	"bytes"
	"fmt"
	"strings"

	"regent/agent/policy"
)

const configHead = `# Configuration of regentd, the agent that holds this device's auth tokens.
# Made from the table in agent/policy/table.go. Change the table, not this file.
#
# Every line that begins with #, directly followed by a key, shows the key's
# default or an example; remove the # to set it. On Linux this is an example:
# regentd reads /etc/regent/config.yaml, which no package brings. Files in
# config.d/*.yaml beside that one override it, and your organisation's managed
# policy overrides both.
# Check a change with: regentd check-config
# Every local user may read this file. Secrets do not belong here.
`

const width = 78

// config writes the default file: every key with its documentation, commented
// out, under section names that are not. Removing one # is all it takes to set
// a key.
func config(table []policy.Definition) []byte {
	var b bytes.Buffer
	b.WriteString(configHead)
	section := ""
	for _, d := range table {
		head, _, nested := strings.Cut(d.Key, ".")
		switch {
		case d.Type == policy.Applications:
			keyComment(&b, "", d)
			fmt.Fprintf(&b, "%s:\n", d.Key)
			section = head
		case strings.HasPrefix(d.Key, "applications.*.allow."):
			condition(&b, d)
		case nested && head == "applications":
			applicationKey(&b, d)
		case nested:
			if head != section {
				fmt.Fprintf(&b, "\n%s:\n", head)
				section = head
			}
			keyComment(&b, "  ", d)
			fmt.Fprintf(&b, "  #%s: %s\n", d.Name(), value(d))
		default:
			section = ""
			keyComment(&b, "", d)
			fmt.Fprintf(&b, "#%s: %s\n", d.Name(), value(d))
		}
	}
	return b.Bytes()
}

// keyComment writes the documentation above a key.
func keyComment(b *bytes.Buffer, indent string, d policy.Definition) {
	text := d.Doc
	if d.Type == policy.Word || d.Type == policy.Int || d.Type == policy.Duration {
		text += " (" + valueText(d) + ")"
	}
	if indent == "" {
		b.WriteString("\n")
	}
	for _, line := range wrap(text, width-len(indent)-2) {
		fmt.Fprintf(b, "%s# %s\n", indent, line)
	}
}

// applicationKey writes a key of the example application, whose id is the line
// that begins the list's item.
func applicationKey(b *bytes.Buffer, d policy.Definition) {
	const indent = "    "
	keyComment(b, indent, d)
	switch {
	case d.Required:
		fmt.Fprintf(b, "  #- %s: %s\n", d.Name(), value(d))
	case d.Type == policy.Rules:
		fmt.Fprintf(b, "%s#%s:\n", indent, d.Name())
	default:
		fmt.Fprintf(b, "%s#%s: %s\n", indent, d.Name(), value(d))
	}
}

// condition writes a condition as a rule of its own, so that each can be
// uncommented alone; below that of executables stands what one consists of.
func condition(b *bytes.Buffer, d policy.Definition) {
	const indent, item = "      ", "          "
	switch {
	case d.Type == policy.Executables:
		keyComment(b, indent, d)
		fmt.Fprintf(b, "%s#- %s:\n", indent, d.Name())
	case !strings.Contains(d.Key, ".executables.*."):
		keyComment(b, indent, d)
		fmt.Fprintf(b, "%s#- %s: %s\n", indent, d.Name(), value(d))
	case d.Required:
		keyComment(b, item, d)
		fmt.Fprintf(b, "%s#- %s: %s\n", item, d.Name(), value(d))
	default:
		keyComment(b, item+"  ", d)
		fmt.Fprintf(b, "%s#%s: %s\n", item+"  ", d.Name(), value(d))
	}
}
