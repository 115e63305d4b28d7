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
# config.d/*.yaml beside that one override it, and your organization's managed
# policy overrides both.
# Check a change with: regentd check-config
# Every local user may read this file. Secrets do not belong here.
`

const width = 78

// config returns the default file. It has every key as a comment, with its documentation.
// Sections are no comments, so removing one # sets a key.
func config(table []policy.Definition) []byte {
	var b bytes.Buffer
	b.WriteString(configHead)
	section := ""
	for _, d := range table {
		head, _, nested := strings.Cut(d.Key, ".")
		if nested && head != section {
			fmt.Fprintf(&b, "\n%s:\n", head)
		}
		section = head
		indent, mark := place(d)
		keyComment(&b, indent, d)
		switch d.Type {
		case policy.Applications, policy.Rules, policy.Executables: // their items follow
			fmt.Fprintf(&b, "%s%s:\n", mark, d.Name())
		default:
			fmt.Fprintf(&b, "%s%s: %s\n", mark, d.Name(), value(d))
		}
	}
	return b.Bytes()
}

// place returns the prefix of a key's documentation, and that of the key. Each condition is a
// rule of its own, so that removing its # is enough. The keys of an executable follow below
// executables. A required key begins an item.
func place(d policy.Definition) (indent, mark string) {
	const step = "  "
	switch {
	case d.Type == policy.Applications:
		return "", ""
	case strings.HasPrefix(d.Key, "applications.*.allow.*.executables.*."):
		indent = strings.Repeat(step, 6)
		if d.Required {
			indent = strings.Repeat(step, 5)
			return indent, indent + "#- "
		}
	case strings.HasPrefix(d.Key, "applications.*.allow.*."):
		indent = strings.Repeat(step, 3)
		return indent, indent + "#- "
	case d.Required:
		return strings.Repeat(step, 2), step + "#- "
	case !d.IsPolicy():
		indent = strings.Repeat(step, 2)
	case strings.Contains(d.Key, "."):
		indent = step
	}
	return indent, indent + "#"
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
