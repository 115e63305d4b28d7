package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"regent/agent/doctor"
	"regent/agent/status"
	"regent/ipc/client"
)

// slowAfter is how long the daemon may take before its service manager is asked
// whether it can start at all: its socket is there all the time, so that a
// request to a daemon that cannot start only waits.
const slowAfter = 2 * time.Second

// socketUnit is the unit that doctor names only where it is masked.
const socketUnit = "regentd.socket"

// unitQuery asks the service manager for the package's units that it has.
type unitQuery func(context.Context) ([]doctor.Unit, error)

// statusAnswer is what came of asking the daemon.
type statusAnswer struct {
	status status.Status
	err    error
}

// statusOrUnits asks the daemon, and where that does not answer, the service
// manager. A daemon that is only slow is waited for.
func (c *cli) statusOrUnits(ctx context.Context) (status.Status, error) {
	ctx, cancel := context.WithCancel(ctx)
	answers := make(chan statusAnswer, 1)
	go func() {
		st, err := c.status(ctx)
		answers <- statusAnswer{st, err}
		close(answers)
	}()
	defer func() { // it ends before this function does
		cancel()
		<-answers
	}()
	var a statusAnswer
	select {
	case a = <-answers:
	case <-time.After(slowAfter):
		if st, found := c.unitReason(ctx); found {
			return st, nil
		}
		a = <-answers
	}
	if errors.Is(a.err, client.ErrNotReachable) {
		if st, found := c.unitReason(ctx); found {
			return st, nil
		}
	}
	return a.status, a.err
}

// unitReason asks the service manager why there is no daemon. One that cannot be
// asked knows no reason.
func (c *cli) unitReason(ctx context.Context) (status.Status, bool) {
	units, err := c.units(ctx)
	if err != nil {
		return status.Status{}, false
	}
	return diagnoseUnits(units)
}

// diagnoseUnits says why there is no daemon, if its units say so. It is pure.
func diagnoseUnits(units []doctor.Unit) (status.Status, bool) {
	switch code, u := doctor.UnitFault(units); code {
	case doctor.ServiceMasked:
		return stoppedStatus(fmt.Sprintf("regentd cannot start, because an administrator masked %s; to start it: systemctl unmask %[1]s && systemctl enable --now %s", doctor.MaskedUnits(units), u.Name)), true
	case doctor.ServiceStopped:
		return stoppedStatus("regentd is stopped; an administrator starts it with: systemctl start regentd"), true
	case doctor.MachineIDChanged:
		return lockedStatus("the machine-id of this device was changed, and systemd unseals the passphrase of the data key only under the old one; " +
			"nothing was changed; for the way back, with or without the old machine-id: regent doctor"), true
	case doctor.ServiceCredential:
		if u.Name == doctor.KeyUnit {
			return lockedStatus(fmt.Sprintf("the passphrase of the data key could not be made (%s); see journalctl -u %[1]s, then start regentd again", u.Name)), true
		}
		return lockedStatus(fmt.Sprintf("systemd cannot unseal the passphrase of the data key (%s: exit status 243/CREDENTIALS), as after a reset of the TPM or with this disk in another device; "+
			"nothing was changed; see journalctl -u regentd, and for what can be done /usr/share/doc/regent/README.md", u.Name)), true
	case doctor.ConfigInvalid:
		return stoppedStatus("the configuration is not good, so regentd does not start; for file and line: regentd check-config"), true
	case doctor.ServiceFailing:
		return stoppedStatus(fmt.Sprintf("regentd does not start (%s: %s, exit status %d); see journalctl -u regentd", u.Name, u.Result, u.Exit)), true
	}
	return status.Status{}, false
}

// lockedStatus is the status of a device whose data key cannot be opened.
func lockedStatus(why string) status.Status {
	st := stoppedStatus("locked: " + why)
	st.Store = status.Store{State: "locked", Guard: "file", Detail: "its passphrase is a systemd credential"}
	return st
}

// stoppedStatus is the status of a device on which no daemon runs.
func stoppedStatus(why string) status.Status {
	return status.Status{
		Health: status.NotServing, Summary: why, Store: status.Store{State: "unknown"},
		Tenants: []status.Tenant{}, Applications: []status.Application{}, Problems: []status.Problem{},
	}
}

// parseUnits reads what systemctl show prints: blocks of KEY=VALUE, one block
// for each unit. Units that are not installed are left out; one that is masked,
// and does not run, has that for its state.
func parseUnits(text []byte) []doctor.Unit {
	var units []doctor.Unit
	var u doctor.Unit
	var load string
	for line := range strings.Lines(string(text) + "\n\n") {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
		switch key {
		case "":
			if load == doctor.Masked && u.Active != "active" {
				u.Active = doctor.Masked
			}
			if load == "loaded" || load == doctor.Masked {
				units = append(units, u)
			}
			u, load = doctor.Unit{}, ""
		case "Id":
			u.Name = value
		case "LoadState":
			load = value
		case "ActiveState":
			u.Active = value
		case "Result":
			u.Result = value
		case "ExecMainStatus":
			u.Exit, _ = strconv.Atoi(value) // 0 where it is no number
		}
	}
	return units
}
