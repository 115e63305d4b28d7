package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"regent/agent/tms/admin/usage"
	"regent/platform/terminal"
)

// onDevice introduces a command for another machine. tmsctl does not know its system, so the
// command has no sudo.
const onDevice = "on the device, as administrator:"

// legendText is the legend of findings, with the next steps of one investigation.
type legendText struct {
	Findings string // the command that makes findings.csv; "" if no next step needs it
	Meanings []usage.Meaning
}

// investigated has the name and flags of an investigation. Its next steps repeat them.
type investigated struct {
	name   string // of the registration token, as a word of the command line
	inputs string // --ledgers and --devices, each with a space before it
	global string // the flags of each command, each with a space before it
}

// newInvestigated returns the investigation of the registration token with this name on the
// command line.
func newInvestigated(c *cobra.Command, name string, o investigateFlags) investigated {
	i := investigated{name: nameWord(name)}
	if o.ledgers != "" {
		i.inputs += " --ledgers " + quoted(o.ledgers)
	}
	if o.devices != "" {
		i.inputs += " --devices " + quoted(o.devices)
	}
	i.global = globalFlagsOf(c)
	return i
}

// command returns the command that investigates again, with further flags.
func (i investigated) command(more string) string {
	flags := i.inputs + more + i.global
	if strings.HasPrefix(i.name, "-- ") {
		return "tmsctl investigate" + flags + " " + i.name
	}
	return "tmsctl investigate " + i.name + flags
}

// globalFlagsOf returns the given flags of every command but --json, each with a space before
// it.
func globalFlagsOf(c *cobra.Command) (words string) {
	c.InheritedFlags().VisitAll(func(f *pflag.Flag) {
		switch {
		case !f.Changed || f.Name == "json":
		case f.Value.Type() == "bool":
			words += " --" + f.Name
		default:
			words += " --" + f.Name + " " + quoted(f.Value.String())
		}
	})
	return words
}

// nameWord is a name as a word of a command line. After -- a name may begin with a hyphen.
func nameWord(name string) string {
	if strings.HasPrefix(name, "-") {
		return "-- " + quoted(name)
	}
	return quoted(name)
}

// quoted is a text as one word of a command.
func quoted(text string) string { return terminal.Quote(terminal.Printable(text)) }

// legend returns the meanings of the kinds in a report. Their commands have the names of the
// report where only one is meant.
func (i investigated) legend(report usage.Report) legendText {
	l := legendText{Meanings: slices.DeleteFunc(usage.Meanings(), func(m usage.Meaning) bool { return report.Counts[m.Kind] == 0 })}
	for at := range l.Meanings {
		m := &l.Meanings[at]
		if m.NeedsFindings() {
			l.Findings = i.command(" --csv") + " >" + usage.FindingsFile
			m.Command += i.global
		}
		if m.Kind == usage.Unknown {
			m.Command = i.command("")
			if !strings.Contains(i.inputs, "--ledgers ") {
				m.Command = i.command(" --ledgers ledgers")
			}
		}
		if report.Counts[m.Kind] == 1 {
			row := report.Rows[slices.IndexFunc(report.Rows, func(r usage.Row) bool { return r.Kind == m.Kind })]
			m.OnDevice = withName(m.OnDevice, "IDENTIFIER", row.Identifier)
			m.OnDevice = withName(m.OnDevice, "APPLICATION/NUMBER", row.RefID1)
		}
	}
	return l
}

// withName replaces the placeholder of a command by a name, unless that is empty.
func withName(command, placeholder, name string) string {
	if name == "" {
		return command
	}
	return strings.Replace(command, placeholder, quoted(name), 1)
}

// helpWidth is the width of the legend in help.
const helpWidth = 80

// text explains the kinds with the next step of each, below each other.
func (l legendText) text(width int) string {
	var b strings.Builder
	for _, m := range l.Meanings {
		b.WriteString(word(m.Kind) + "\n")
		for _, text := range []string{m.Text, "Next: " + m.Next} {
			for _, line := range terminal.Wrap(text, max(0, width-2)) {
				b.WriteString("  " + line + "\n")
			}
		}
		if m.OnDevice != "" {
			b.WriteString("  " + strings.ToUpper(onDevice[:1]) + onDevice[1:] + "\n    " + m.OnDevice + "\n")
		}
		if m.OnDevice != "" && m.Command != "" {
			b.WriteString("  Then here:\n")
		}
		if m.Command != "" {
			b.WriteString("    " + m.Command + "\n")
		}
	}
	return b.String()
}

// word is a kind for a person.
func word(k usage.Kind) string { return strings.ReplaceAll(string(k), "_", " ") }
