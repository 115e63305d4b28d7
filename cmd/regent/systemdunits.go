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

// slowAfter is the time after which regent also asks the service manager whether the
// daemon can start. systemd has the socket all the time, so a request to a daemon that
// cannot start only waits.
const slowAfter = 2 * time.Second

// socketUnit is the socket's unit. doctor names it only if it is masked.
const socketUnit = "regentd.socket"

// unitQuery asks the service manager for the package's units.
type unitQuery func(context.Context) ([]doctor.Unit, error)

// statusAnswer is the result of a status request.
type statusAnswer struct {
	status status.Status
	err    error
}

// statusOrUnits asks the daemon. If the daemon does not answer, it asks the service
// manager. It waits for a daemon that is only slow.
func (c *cli) statusOrUnits(ctx context.Context) (status.Status, error) {
	ctx, cancel := context.WithCancel(ctx)
	answers := make(chan statusAnswer, 1)
	go func() {
		st, err := c.status(ctx)
		answers <- statusAnswer{st, err}
		close(answers)
	}()
	defer func() { // wait for the goroutine
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

// unitReason asks the service manager why no daemon runs. It returns false if the
// manager does not answer or has no reason.
func (c *cli) unitReason(ctx context.Context) (status.Status, bool) {
	units, err := c.units(ctx)
	if err != nil {
		return status.Status{}, false
	}
	return diagnoseUnits(units)
}

// diagnoseUnits returns why no daemon runs, if its units show it. It does no I/O.
func diagnoseUnits(units []doctor.Unit) (status.Status, bool) {
	switch code, u := doctor.UnitFault(units); code {
	case doctor.ServiceMasked:
		return stoppedStatus(fmt.Sprintf("regentd cannot start, because an administrator masked %s; to start it, run: sudo systemctl unmask %[1]s && sudo systemctl enable --now %s", doctor.MaskedUnits(units), u.Name)), true
	case doctor.ServiceStopped:
		return stoppedStatus("regentd is stopped; to start it, run: sudo systemctl start regentd"), true
	case doctor.MachineIDChanged:
		return lockedStatus("the machine-id of this device was changed, and systemd unseals the passphrase of the data key only with the old one; " +
			"nothing was changed; for the next step, run: regent doctor"), true
	case doctor.ServiceCredential:
		if u.Name == doctor.KeyUnit {
			return lockedStatus(fmt.Sprintf("systemd could not make the passphrase of the data key (%s); read journalctl -u %[1]s, then start regentd again", u.Name)), true
		}
		return lockedStatus(fmt.Sprintf("systemd cannot unseal the passphrase of the data key (%s: exit status 243/CREDENTIALS), for example after a reset of the TPM, or with the disk in another device; "+
			"nothing was changed; read journalctl -u regentd, and /usr/share/doc/regent/README.md", u.Name)), true
	case doctor.ConfigInvalid:
		return stoppedStatus("the configuration is invalid, so regentd does not start; for file and line, run: regentd check-config"), true
	case doctor.ServiceFailing:
		return stoppedStatus(fmt.Sprintf("regentd does not start (%s: %s, exit status %d); for the reason, run: journalctl -u regentd", u.Name, u.Result, u.Exit)), true
	}
	return status.Status{}, false
}

// lockedStatus returns the status of a device without access to its data key.
func lockedStatus(why string) status.Status {
	st := stoppedStatus("locked: " + why)
	st.Store = status.Store{State: "locked", Guard: "file", Detail: "its passphrase is a systemd credential"}
	return st
}

// stoppedStatus returns the status of a device without a running daemon.
func stoppedStatus(why string) status.Status {
	return status.Status{
		Health: status.NotServing, Summary: why, Store: status.Store{State: "unknown"},
		Tenants: []status.Tenant{}, Applications: []status.Application{}, Problems: []status.Problem{},
	}
}

// parseUnits parses the output of systemctl show: blocks of KEY=VALUE, one for each unit.
// It leaves out units that are not installed. The state of a masked unit that does not run
// is [doctor.Masked].
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
