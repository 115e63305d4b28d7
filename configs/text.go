package main

import (
	"bytes"
	"fmt"
	"strings"

	"regent/agent/policy"
)

const manualHead = `.\" %s
.TH REGENT.YAML 5 "" "Regent" "File formats"
.SH NAME
regent.yaml \- configuration and managed policy of regentd
.SH SYNOPSIS
.I /etc/regent/config.yaml
.br
.I /etc/regent/config.d/*.yaml
.br
.I /etc/regent/policy.d/*.yaml
.SH DESCRIPTION
.BR regentd (8)
reads its settings from these files, which are YAML in UTF-8, each at most 1 MiB.
A key that is not known is refused, with the file, the line and, where there is one, the key that was probably meant.
Anchors, aliases, tags, merge keys and a second document are refused as well.
Every user may read these files: secrets are named by the path of a file of their own.
.PP
Check a change with
.BR "regentd check-config" ,
and a policy before its rollout with
.BR "regentd check-config --policy-dir \fIDIRECTORY\fP" .
A change is applied within seconds;
.B regent policy
says what is in force, from where, and what waits for a restart.
.SH LAYERS
For each key the last of these that sets it rules:
.IP 1. 4
the default that is compiled in;
.IP 2. 4
.IR config.yaml ,
which no package brings: an example with every key is
.I /usr/share/doc/regent/examples/config.yaml
on Linux;
.IP 3. 4
.IR config.d/*.yaml ,
in the order of their names: the installer's answers, and what applications' packages drop there;
.IP 4. 4
managed policy: on Linux
.IR policy.d/*.yaml ,
which must belong to root, be writable by nobody else and be no symbolic links; on Windows the values below
.IR HKLM\eSOFTWARE\ePolicies\eRegent .
.PP
Something wrong in 2 or 3 stops the start, or leaves the old configuration in force at a reload.
Something wrong in managed policy loses that value alone: it is reported, and the next lower layer rules.
A policy file that becomes unreadable, empty or no YAML at all, or a policy directory that goes away, leaves the last good one in force until the daemon ends.
.PP
The list
.B applications
is merged by
.BR id ;
within an application each key is taken from the last layer that sets it, the list
.B allow
as a whole, so that no lower layer widens a managed one.
.SH KEYS
An asterisk stands for an item of a list. The name in brackets is the one in the registry and in macOS preferences.
`

const manualTail = `.SH EXAMPLES
The least that works:
.PP
.nf
tenant: https://demo-host.com/
registration_token_file: /etc/regent/registration-token
applications:
  - id: cad
    instances: 2
    allow:
      - groups: [engineering]
.fi
.SH SEE ALSO
.BR regentd (8),
.BR regent (1)
`

// manual writes regent.yaml(5).
func manual(table []policy.Definition) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, manualHead, generatedFrom)
	for _, d := range table {
		name := ""
		if d.IsPolicy() {
			name = " [" + d.PolicyName() + "]"
		}
		fmt.Fprintf(&b, ".TP\n.B %s\\fR%s\n%s\n", roff(d.Key), name, roff(d.Doc))
		fmt.Fprintf(&b, ".br\n%s.\n", roff(keyFacts(d)))
		if d.Example != "" {
			fmt.Fprintf(&b, ".br\nExample:\n.B %s\n", roff(d.Example))
		}
	}
	b.WriteString(manualTail)
	return b.Bytes()
}

// keyFacts are what the table knows of a key beside its documentation.
func keyFacts(d policy.Definition) string {
	text := strings.ToUpper(valueText(d)[:1]) + valueText(d)[1:]
	switch fallback := defaultText(d); {
	case d.Required:
		text += "; required"
	case fallback != "" && fallback != `""`:
		text += "; default " + fallback
	}
	if d.Restart {
		text += "; a change waits for a restart"
	}
	return text + "; since " + d.Since
}

// roff escapes what the formatter would take for its own.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, `"`, `\(dq`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
