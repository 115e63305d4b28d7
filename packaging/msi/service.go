package msi

import (
	"fmt"
	"strconv"
	"strings"

	"regent/platform/windowsnames"
)

// What the tables call the kinds of services and of their configuration.
const (
	ownProcess   = "16"
	startAuto    = "2"
	errorNormal  = 1
	errorVital   = 0x8000 // an install whose service cannot be made fails
	onInstall    = "1"
	onEachChange = "5" // install and reinstall

	delayedStart       = "3"
	requiredPrivileges = "6"

	controlStart      = 0x1  // at install
	controlStop       = 0x2  // at install
	controlStopLater  = 0x20 // at uninstall
	controlDeleteLast = 0x80 // at uninstall
)

// service registers the daemon. What it does after a failure it sets itself at
// each start: the table for it does not work, says its own documentation.
func (d *database) service() {
	const component = "Daemon"
	d.in("ServiceInstall").add(windowsnames.Service, windowsnames.Service, windowsnames.ServiceDisplayName,
		ownProcess, startAuto, strconv.Itoa(errorNormal|errorVital), "", "", windowsnames.ServiceAccount, "",
		windowsnames.ServiceArguments, component, windowsnames.ServiceDescription)
	d.in("ServiceControl").add(windowsnames.Service, windowsnames.Service,
		strconv.Itoa(controlStart|controlStop|controlStopLater|controlDeleteLast), "", "1", component)
	if windowsnames.ServiceDelayed {
		d.in("MsiServiceConfig").add("DelayedStart", windowsnames.Service, onEachChange, delayedStart, "1", component)
	}
	d.in("MsiServiceConfig").add("Privileges", windowsnames.Service, onEachChange, requiredPrivileges,
		strings.Join(windowsnames.ServicePrivileges(), "[~]"), component)

	d.component("EventLog", programDir, keyIsRegistry, "", "EventMessageFile")
	d.registry("EventMessageFile", windowsnames.EventLogKey, "EventMessageFile", "#%"+windowsnames.EventMessageFile, "EventLog")
	d.registry("EventTypes", windowsnames.EventLogKey, "TypesSupported", fmt.Sprintf("#%d", windowsnames.EventTypes), "EventLog")
}

// localMachine is HKEY_LOCAL_MACHINE in the tables.
const localMachine = "2"

// registry adds a value below HKEY_LOCAL_MACHINE.
func (d *database) registry(row, key, name, value, component string) {
	d.in("Registry").add(row, localMachine, key, name, value, component)
}
