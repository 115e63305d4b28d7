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
reads its settings from these files.
They are YAML in UTF-8, each at most 1 MiB.
An unknown key is an error with the file, the line and, if there is one, the most similar key.
Anchors, aliases, tags, merge keys and a second document are errors too.
Every user may read these files.
Put a secret into a file of its own, and write the path of that file here.
.PP
Check a change with
.BR "regentd check-config" ,
and a policy before its rollout with
.BR "regentd check-config --policy-dir \fIDIRECTORY\fP" .
Regent applies a change within seconds.
.B regent policy
shows the active value of each key, its file, and the keys that wait for a restart.
.SH LAYERS
The last of these layers that sets a key decides its value:
.IP 1. 4
The compiled default.
.IP 2. 4
.IR config.yaml .
No package installs it.
.IP 3. 4
.IR config.d/*.yaml ,
in the order of their names: the installer's answers, and files of applications' packages.
.IP 4. 4
Managed policy. On Linux it is in
.IR policy.d/*.yaml .
These files must belong to root, only root may write them, and they must not be symbolic links.
On Windows it is in the values below
.IR HKLM\eSOFTWARE\ePolicies\eRegent .
.PP
An error in layer 2 or 3 prevents the start. At a reload, the previous configuration stays active.
If a value of managed policy is invalid, Regent reports it and uses the next lower layer for that key.
If a policy file becomes unreadable, empty or invalid YAML, its previous content stays active, also after a restart.
If the policy directory disappears, its previous content stays active until the daemon ends.
.PP
Regent merges the list
.B applications
by
.BR id .
For each key of an application, the last layer that sets it decides.
The list
.B allow
is one value, so no lower layer can extend a managed list.
.SH KEYS
An asterisk stands for an item of a list. The name in brackets is the name in the registry.
`

const manualTail = `.SH FILES
.TP
.I /etc/regent/config.yaml
Configuration of the device's administrator.
.TP
.I /etc/regent/config.d/*.yaml
Drop-ins of the installer and of applications' packages.
.TP
.I /etc/regent/policy.d/*.yaml
Managed policy.
.TP
.I /usr/share/doc/regent/examples/config.yaml
Example with every key.
.SH ENVIRONMENT
With
.B network.proxy
empty or
.BR system ,
.BR regentd (8)
uses the proxy of its environment:
.BR HTTPS_PROXY ,
else
.BR ALL_PROXY .
.B NO_PROXY
excludes hosts.
.SH EXIT STATUS
.B regentd check-config
exits 0 if no problem would prevent the start, and 2 if one would.
It also exits 2 if the configuration names an existing file that
.B regentd
would not use.
With
.BR \-\-policy\-dir ,
it exits 2 if a device would ignore a value of the policy, or report a problem with it.
.SH EXAMPLES
The smallest configuration that works:
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

// keyFacts returns the type, default and first version of a key.
func keyFacts(d policy.Definition) string {
	text := strings.ToUpper(valueText(d)[:1]) + valueText(d)[1:]
	switch fallback := defaultText(d); {
	case d.Required:
		text += "; required"
	case fallback != "" && fallback != `""`:
		text += "; default " + fallback
	}
	if d.Restart {
		text += "; a change needs a restart"
	}
	return text + "; since " + d.Since
}

// roff escapes the special characters of roff.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, `"`, `\(dq`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
