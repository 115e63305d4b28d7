package main

import (
	"bufio"
	"bytes"
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

// The units of the package.
const (
	daemonUnit = "regentd.service"
	keyUnit    = "regentd-key.service"
	socketUnit = "regentd.socket"
)

// exitCredentials is systemd's exit status of a unit whose credentials could
// not be set up.
const exitCredentials = 243

// unit is what the service manager says of one.
type unit struct {
	name           string
	active, result string // systemd's words: "active", "activating", "failed"; "success", "exit-code". "masked": it cannot start
	exit           int    // status of its main process
	// otherMachine says that root has noted, at the unit's last start, that the
	// machine-id was changed after the passphrase was sealed.
	otherMachine bool
}

// unitQuery asks the service manager for the package's units that it has.
type unitQuery func(context.Context) ([]unit, error)

// statusAnswer is what came of asking the daemon.
type statusAnswer struct {
	status status.Status
	err    error
}

// statusOrUnits asks the daemon, and where that does not answer, the service
// manager. A daemon that is only slow is waited for.
func statusOrUnits(ctx context.Context, dial dialer, inquire unitQuery) (status.Status, error) {
	ctx, cancel := context.WithCancel(ctx)
	answers := make(chan statusAnswer, 1)
	go func() {
		st, err := askStatus(ctx, dial)
		answers <- statusAnswer{st, err}
		close(answers)
	}()
	defer func() { // it ends before this function does
		cancel()
		<-answers
	}()
	late := time.NewTimer(slowAfter)
	defer late.Stop()
	select {
	case a := <-answers:
		return a.orUnitReason(ctx, inquire)
	case <-late.C:
		if st, found := unitReason(ctx, inquire); found {
			return st, nil
		}
		return (<-answers).orUnitReason(ctx, inquire)
	}
}

// orUnitReason is the answer, or why there is none, as far as the service manager
// knows.
func (a statusAnswer) orUnitReason(ctx context.Context, inquire unitQuery) (status.Status, error) {
	if errors.Is(a.err, client.ErrNotReachable) {
		if st, found := unitReason(ctx, inquire); found {
			return st, nil
		}
	}
	return a.status, a.err
}

// unitReason asks the service manager why there is no daemon. One that cannot be
// asked knows no reason.
func unitReason(ctx context.Context, inquire unitQuery) (status.Status, bool) {
	if inquire == nil {
		return status.Status{}, false
	}
	units, err := inquire(ctx)
	if err != nil {
		return status.Status{}, false
	}
	return diagnoseUnits(units)
}

// diagnoseUnits says why there is no daemon, if its units say so. It is pure.
func diagnoseUnits(units []unit) (status.Status, bool) {
	known := map[string]unit{}
	var masked []string
	for _, u := range units {
		known[u.name] = u
		if u.active == doctor.Masked {
			masked = append(masked, u.name)
		}
	}
	daemon, installed := known[daemonUnit]
	switch {
	case !installed || daemon.active == "active":
		return status.Status{}, false
	case len(masked) > 0:
		names := strings.Join(masked, " ")
		return stoppedStatus(fmt.Sprintf("regentd cannot start, because an administrator masked %s; to start it: systemctl unmask %[1]s && systemctl enable --now %s", names, daemonUnit)), true
	case known[keyUnit].active == "failed":
		return lockedStatus(fmt.Sprintf("the passphrase of the data key could not be made (%s); see journalctl -u %s, then start regentd again", keyUnit, keyUnit)), true
	case daemon.result == "success" && daemon.active == "inactive":
		return stoppedStatus("regentd is stopped; an administrator starts it with: systemctl start regentd"), true
	case daemon.exit == exitCredentials && daemon.otherMachine:
		return lockedStatus("the machine-id of this device was changed, and systemd unseals the passphrase of the data key only under the old one; " +
			"nothing was changed; for the way back, with or without the old machine-id: regent doctor"), true
	case daemon.exit == exitCredentials:
		return lockedStatus(fmt.Sprintf("systemd cannot unseal the passphrase of the data key (%s: exit status 243/CREDENTIALS), as after a reset of the TPM or with this disk in another device; "+
			"nothing was changed; see journalctl -u regentd, and for what can be done /usr/share/doc/regent/README.md", daemonUnit)), true
	case daemon.exit == exitUsage && daemon.result == "exit-code":
		return stoppedStatus("the configuration is not good, so regentd does not start; for file and line: regentd check-config"), true
	case daemon.active == "failed" || daemon.result != "success":
		return stoppedStatus(fmt.Sprintf("regentd does not start (%s: %s, exit status %d); see journalctl -u regentd", daemonUnit, daemon.result, daemon.exit)), true
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
func parseUnits(text []byte) []unit {
	var units []unit
	var u unit
	var load string
	end := func() {
		if load == doctor.Masked && u.active != "active" {
			u.active = doctor.Masked
		}
		if load == "loaded" || load == doctor.Masked {
			units = append(units, u)
		}
		u, load = unit{}, ""
	}
	for sc := bufio.NewScanner(bytes.NewReader(text)); sc.Scan(); {
		key, value, _ := strings.Cut(sc.Text(), "=")
		switch key {
		case "":
			end()
		case "Id":
			u.name = value
		case "LoadState":
			load = value
		case "ActiveState":
			u.active = value
		case "Result":
			u.result = value
		case "ExecMainStatus":
			u.exit, _ = strconv.Atoi(value) // 0 where it is no number
		}
	}
	end()
	return units
}
