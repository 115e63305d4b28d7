package main

import (
	"fmt"
	"strconv"
	"strings"

	"regent/platform/layout"
)

// The numbers of service types and of their configuration in the tables.
const (
	ownProcess   = "16"
	startAuto    = "2"
	errorNormal  = 1
	errorVital   = 0x8000 // if the service cannot be created, the installation fails
	onInstall    = "1"
	onEachChange = "5" // install and reinstall

	delayedStart       = "3"
	requiredPrivileges = "6"

	controlStart      = 0x1  // at install
	controlStop       = 0x2  // at install
	controlStopLater  = 0x20 // at uninstall
	controlDeleteLast = 0x80 // at uninstall
)

// service registers the daemon. The service sets its recovery actions itself at each
// start: by its own documentation, the table for them does not work.
func (d *database) service() {
	const component = "Daemon"
	d.table("ServiceInstall").add(layout.Service, layout.Service, layout.ServiceDisplayName,
		ownProcess, startAuto, strconv.Itoa(errorNormal|errorVital), "", "", layout.ServiceAccount, "",
		layout.ServiceArguments, component, layout.ServiceDescription)
	d.table("ServiceControl").add(layout.Service, layout.Service,
		strconv.Itoa(controlStart|controlStop|controlStopLater|controlDeleteLast), "", "1", component)
	if layout.ServiceDelayed {
		d.table("MsiServiceConfig").add("DelayedStart", layout.Service, onEachChange, delayedStart, "1", component)
	}
	d.table("MsiServiceConfig").add("Privileges", layout.Service, onEachChange, requiredPrivileges,
		strings.Join(layout.ServicePrivileges(), "[~]"), component)

	d.component("EventLog", programDir, keyIsRegistry, "", "EventMessageFile")
	d.registry("EventMessageFile", layout.EventLogKey, "EventMessageFile", "#%"+layout.EventMessageFile, "EventLog")
	d.registry("EventTypes", layout.EventLogKey, "TypesSupported", fmt.Sprintf("#%d", layout.EventTypes), "EventLog")
}

// localMachine is HKEY_LOCAL_MACHINE in the tables.
const localMachine = "2"

// registry adds a value below HKEY_LOCAL_MACHINE.
func (d *database) registry(row, key, name, value, component string) {
	d.table("Registry").add(row, localMachine, key, name, value, component)
}
