package main

import (
	"fmt"
	"strings"

	"regent/platform/layout"
)

// shellVariables has a line for each name.
func shellVariables() string {
	const machine = `HKLM\`
	var b strings.Builder
	for _, n := range [][2]string{
		{"product", layout.Product},
		{"service", layout.Service},
		{"pipe", layout.Pipe},
		{"installer_key", machine + layout.InstallerKey},
		{"policy_key", machine + layout.PolicyKey},
		{"event_log_key", machine + layout.EventLogKey},
		{"program_folder", layout.ProgramFolder},
		{"data_folder", layout.DataFolder},
		{"config_file", layout.ConfigFile},
		{"config_folder", layout.ConfigFolder},
		{"setup_file", layout.SetupFile},
		{"state_folder", layout.StateFolder},
		{"incoming_folder", layout.IncomingFolder},
		{"registration_token_file", layout.RegistrationTokenFile},
		{"account", layout.ServiceAccount},
	} {
		fmt.Fprintf(&b, "windows_%s=%s\n", n[0], shellQuote(n[1]))
	}
	return b.String()
}

// shellQuote is a text as one word of the shell's.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
