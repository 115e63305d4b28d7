package main

import (
	"context"
	"os/exec"
	"path/filepath"

	"regent/agent/doctor"
	"regent/platform/device"
	"regent/platform/localsock"
)

// systemctl is a full path, so that root's PATH has no effect.
const systemctl = "/usr/bin/systemctl"

// askManager asks systemd, which answers every user.
func askManager(ctx context.Context) ([]doctor.Unit, error) {
	out, err := exec.CommandContext(ctx, systemctl, "show", "--no-pager", //nolint:gosec // all of it is constant
		"--property=Id,LoadState,ActiveState,Result,ExecMainStatus", doctor.DaemonUnit, doctor.KeyUnit, socketUnit).Output()
	if err != nil {
		return nil, err
	}
	units := parseUnits(out)
	noted, err := device.ReadFactsFile(filepath.Join(filepath.Dir(localsock.DefaultPath), "host-facts"))
	for i := range units {
		units[i].OtherMachine = err == nil && noted.MachineIDChanged
	}
	return units, nil
}
