package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"regent/packaging/manualtest"
)

var manual = manualtest.NewFlags()

func TestManual(t *testing.T) {
	manualtest.Write(t, manual, newRoot(io.Discard, io.Discard), "8", manualtest.Page{
		Files: [][2]string{
			{"/etc/regent/config.yaml", "The configuration: see regent.yaml(5)."},
			{"/etc/regent/registration-token", "A registration token that the package's service seals and deletes."},
			{"/run/regent/agent.sock", "The socket of the local interface."},
			{"/var/lib/regent", "The encrypted state and the audit log."},
		},
		Environment: [][2]string{
			{"HTTPS_PROXY, ALL_PROXY, NO_PROXY", "The proxy, if network.proxy is empty or system."},
			{"CREDENTIALS_DIRECTORY", "The directory of the credentials that systemd gives to the service."},
			{"NOTIFY_SOCKET", "The socket on which systemd expects the state of the service."},
		},
	})
}

// The default of a flag is printed as it is typed, and the line fits a terminal.
func TestWrapFlags(t *testing.T) {
	for _, def := range []string{`C:\ProgramData\Regent\config.yaml`, `\\.\pipe\regent`, "/run/regent/agent.sock"} {
		var out strings.Builder
		cmd := &cobra.Command{Use: "regentd", Run: func(*cobra.Command, []string) {}}
		cmd.SetOut(&out)
		cmd.Flags().String("configuration-file", def, "the `file` of the configuration")
		wrapFlags(cmd)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "(default "+def+")") {
			t.Errorf("help does not show %s as it is typed:\n%s", def, out.String())
		}
		for line := range strings.Lines(out.String()) {
			if len(line) > 81 {
				t.Errorf("%d columns: %s", len(line)-1, line)
			}
		}
	}
}
