package main

import (
	"strconv"

	"regent/platform/layout"
)

// The kinds of custom actions and their options, as their numbers add up.
const (
	callsScript  = 5  // a function of a script in table Binary
	setsProperty = 51 // a property, to a formatted text
	showError    = 19 // with a text

	ignoresFailure = 0x40
	onRollback     = 0x100
	onCommit       = 0x200
	deferred       = 0x400
	asSystem       = 0x800
	as64Bit        = 0x1000
	hidden         = 0x2000 // its data is not logged
)

// The custom actions that others refer to. A deferred one gets the property of its own
// name as CustomActionData.
const (
	writeToken  = "WriteToken"
	dropToken   = "DropToken"
	removeState = "RemoveState"
	checkAll    = "CheckAnswers"
	checkTenant = "CheckTenant"
	checkToken  = "CheckToken"

	checkApplication = "CheckApplication"
	writeSetup       = "WriteSetup"
	dropSetup        = "DropSetup"
)

const (
	answersScript = "answers.js"
	setupScript   = "setup.js"
	stateScript   = "state.js"
	tokenScript   = "token.js"
)

// problems are the faults that answersScript finds in an answer. Each has a property,
// with Problem before this name.
var problems = []string{
	"TenantMissing", "TenantForm", "TenantHTTPS", "TokenMissing", "TokenForm", "FileMissing",
	"TokenPath", "TokenFileAbsent", "ConfigPath", "ConfigFileAbsent",
	"ApplicationForm", "ApplicationMissing", "InstancesForm", "UsersForm",
}

// Scripts lists the scripts that the database holds.
func Scripts() []string { return []string{answersScript, setupScript, stateScript, tokenScript} }

// actions do the steps that tables of Windows Installer cannot do. None speaks to the
// network and none registers the device: that is the service's.
func (d *database) actions() {
	for _, name := range Scripts() {
		d.table("Binary").add(name, name+".ibd")
	}
	set := func(name, property, value string) { d.action(name, setsProperty, property, value) }
	set("KeepTenant", tenant, "["+savedTenant+"]")
	set("KeepTokenFile", tokenFile, "["+savedTokenFile+"]")
	set("TokenPathGiven", tokenPath, "["+tokenFile+"]")
	set("TokenPathOurs", tokenPath, "["+incomingDir+"]"+tokenName)

	// A policy's script control must not stop an install that gives no token.
	for _, check := range []string{checkAll, checkTenant, checkToken, checkApplication} {
		d.action(check, callsScript|as64Bit|ignoresFailure, answersScript, check)
	}
	for _, problem := range problems {
		d.property("Problem"+problem, d.say("problem."+problem))
	}
	d.action("RefuseAnswers", showError, "", "["+answerProblem+"]")
	d.action("RefuseTwoTokens", showError, "", d.say("problem.TwoTokens"))

	// The token goes by CustomActionData alone: from the property to a script, to
	// a file. Neither a table, a command line nor a log has it.
	data := "[" + tokenPath + "]|[" + tokenText + "]"
	d.action("Set"+writeToken, setsProperty|hidden, writeToken, data)
	d.action(writeToken, callsScript|as64Bit|deferred|asSystem|hidden, tokenScript, writeToken)
	set("Set"+dropToken, dropToken, "["+tokenPath+"]|")
	d.action(dropToken, callsScript|as64Bit|deferred|onRollback|asSystem|hidden, tokenScript, dropToken)

	// The answers for the application go into the file of regent setup, if it is not there.
	path := "[" + dataDir + "]" + layout.ConfigFolder + `\` + layout.SetupFile
	set("Set"+writeSetup, writeSetup, path+"|["+application+"]|["+instances+"]|["+users+"]")
	d.action(writeSetup, callsScript|as64Bit|deferred|asSystem, setupScript, writeSetup)
	set("Set"+dropSetup, dropSetup, path)
	d.action(dropSetup, callsScript|as64Bit|deferred|onRollback|asSystem, setupScript, dropSetup)

	// A token that nobody took does not outlive the agent; an upgrade leaves it.
	set("DropUnused", removeTokenDir, "["+incomingDir+"]")

	// Only an uninstall that has succeeded takes the state along.
	set("Set"+removeState, removeState, "["+dataDir+"]")
	d.action(removeState, callsScript|as64Bit|deferred|onCommit|asSystem|ignoresFailure, stateScript, removeState)
}

func (d *database) action(name string, kind int, source, target string) {
	d.table("CustomAction").add(name, strconv.Itoa(kind), source, target)
}
