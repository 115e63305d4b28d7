// Command names prints the names and places of a Windows system as assignments of
// the shell's, so that scripts take them from where the programs have them:
//
//	eval "$(go run ./packaging/windows/names)"
package main

import (
	"fmt"
	"os"
	"strings"

	"regent/platform/windowsnames"
)

func main() {
	if _, err := fmt.Print(assignments()); err != nil {
		fmt.Fprintln(os.Stderr, "names:", err)
		os.Exit(1)
	}
}

// assignments has a line for each name.
func assignments() string {
	const machine = `HKLM\`
	var b strings.Builder
	for _, n := range [][2]string{
		{"product", windowsnames.Product},
		{"service", windowsnames.Service},
		{"pipe", windowsnames.Pipe},
		{"installer_key", machine + windowsnames.InstallerKey},
		{"policy_key", machine + windowsnames.PolicyKey},
		{"event_log_key", machine + windowsnames.EventLogKey},
		{"program_folder", windowsnames.ProgramFolder},
		{"data_folder", windowsnames.DataFolder},
		{"config_file", windowsnames.ConfigFile},
		{"state_folder", windowsnames.StateFolder},
		{"incoming_folder", windowsnames.IncomingFolder},
		{"registration_token_file", windowsnames.RegistrationTokenFile},
		{"account", windowsnames.ServiceAccount},
	} {
		fmt.Fprintf(&b, "windows_%s=%s\n", n[0], quoted(n[1]))
	}
	return b.String()
}

// quoted is a text as one word of the shell's.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
