package main

import (
	"runtime"
	"testing"

	"regent/packaging/manualtest"
)

var manual = manualtest.NewFlags()

func TestManual(t *testing.T) {
	manualtest.Write(t, manual, newRoot(runtimeEnv{getenv: func(string) string { return "" }}), "1", manualtest.Page{
		Files: [][2]string{
			{"/run/regent/agent.sock", "The socket of regentd."},
			{"/etc/regent/config.yaml", "The configuration of regentd: see regent.yaml(5)."},
			{"/var/lib/regent", "The encrypted state. Only regentd writes it."},
		},
		Environment: [][2]string{
			{"REGENT_SOCKET", "The address of the agent, if --socket is not given."},
			{"NO_COLOR", "If it is not empty, output has no colors. TERM=dumb does the same."},
		},
	})
}

// logCommand is the command that shows the log of regentd on this system.
func logCommand() string {
	if runtime.GOOS == "windows" {
		return "Get-WinEvent -ProviderName regentd"
	}
	return "journalctl -u regentd"
}
