package main

import (
	"io"
	"testing"

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
