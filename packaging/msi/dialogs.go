package main

import (
	"strconv"
	"strings"
)

// The dialogs, in the order in which a person meets them.
const (
	licenceDlg  = "LicenceDlg"
	tenantDlg   = "TenantDlg"
	tokenDlg    = "TokenDlg"
	readyDlg    = "ReadyDlg"
	progressDlg = "ProgressDlg"
	finishDlg   = "FinishDlg"
	presentDlg  = "PresentDlg" // of an install that is there already
	cancelDlg   = "CancelDlg"
	wrongDlg    = "WrongDlg" // says what is wrong with an answer
	errorDlg    = "ErrorDlg"
	failedDlg   = "FailedDlg"
	stoppedDlg  = "StoppedDlg"
)

// dialogSteps are when which dialog comes. The negative numbers are Windows
// Installer's own, for its three ends.
var dialogSteps = []step{
	{1230, licenceDlg, firstTime},
	{1231, presentDlg, "Installed"},
	{1280, progressDlg, always},
	{-1, finishDlg, always},
	{-2, stoppedDlg, always},
	{-3, failedDlg, always},
}

// What is known already is not asked for: policy rules over every answer.
const (
	asksTenant = "NOT " + policyTenant
	asksToken  = "NOT " + policyTokenFile
)

// dialogs are few: the licence, the tenant, the registration token, ready, finish.
// Each answer is checked before the next dialog comes.
func (d *database) dialogs() {
	for _, style := range [][]string{{"Normal", "0"}, {"Bold", "1"}} {
		d.in("TextStyle").add(style[0], "Tahoma", "8", "", style[1])
	}
	d.property("DefaultUIFont", "Normal")
	d.property("ErrorDialog", errorDlg)
	d.licenceDialog()
	d.tenantDialog()
	d.tokenDialog()
	d.readyDialog()
	d.progressDialog()
	d.endDialogs()
	d.presentDialog()
	d.smallDialogs()
	d.words()
}

func (d *database) licenceDialog() {
	w := d.window(licenceDlg, "Licence", "Regent looks after the licences of applications on this device.")
	w.add("ScrollableText", "Text", 20, 60, 330, 140, shown|sunken, "", rtf(d.License))
	w.add("CheckBox", "Accept", 20, 207, 330, 18, shown, "LICENCEACCEPTED", "I &accept these terms")
	d.in("ControlCondition").add(licenceDlg, "Next", "Disable", "LICENCEACCEPTED<>\"1\"")
	d.in("ControlCondition").add(licenceDlg, "Next", "Enable", "LICENCEACCEPTED=\"1\"")
	w.buttons("", "&Next >")
	w.on("Next", "NewDialog", tenantDlg, asksTenant)
	w.on("Next", "NewDialog", tokenDlg, "NOT ("+asksTenant+") AND "+asksToken)
	w.on("Next", "NewDialog", readyDlg, "NOT ("+asksTenant+") AND NOT ("+asksToken+")")
}

func (d *database) tenantDialog() {
	w := d.window(tenantDlg, "Tenant", "Which licence service does this device belong to?")
	w.add("Text", "Label", 20, 70, 330, 15, text, "", "&Address of the tenant, as your administrator gave it to you:")
	w.add("Edit", "Tenant", 20, 88, 330, 18, shown, tenant, "{4000}")
	w.add("Text", "Example", 20, 112, 330, 30, text, "", "A host or a URL, such as demo-host.com or https://demo-host.com/.")
	w.buttons("< &Back", "&Next >")
	w.on("Back", "NewDialog", licenceDlg, "1")
	w.on("Next", "DoAction", checkTenant, "1")
	w.on("Next", "SpawnDialog", wrongDlg, answerProblem)
	w.on("Next", "NewDialog", tokenDlg, "NOT "+answerProblem+" AND "+asksToken)
	w.on("Next", "NewDialog", readyDlg, "NOT "+answerProblem+" AND NOT ("+asksToken+")")
}

func (d *database) tokenDialog() {
	w := d.window(tokenDlg, "Registration token", "With it, this device gets its licences.")
	w.add("RadioButtonGroup", "From", 20, 60, 330, 52, shown, tokenFrom, "")
	for i, choice := range [][2]string{
		{"later", "&Later: my administrator sees to it"},
		{"text", "I have a &token"},
		{"file", "It is in a &file, which Regent erases once it is read"},
	} {
		d.in("RadioButton").add(tokenFrom, strconv.Itoa(i+1), choice[0], "0", strconv.Itoa(17*i), "320", "16", choice[1])
	}
	w.add("Edit", "Token", 34, 120, 316, 18, shown|password, tokenText, "{4000}")
	w.add("Edit", "File", 34, 120, 316, 18, shown, tokenFile, "{4000}")
	w.add("Text", "Hint", 34, 144, 316, 40, text, "", "What you type is not shown, and it is written to no log.")
	for control, choice := range map[string]string{"Token": "text", "Hint": "text", "File": "file"} {
		d.in("ControlCondition").add(tokenDlg, control, "Show", tokenFrom+`="`+choice+`"`)
		d.in("ControlCondition").add(tokenDlg, control, "Hide", tokenFrom+`<>"`+choice+`"`)
	}
	w.buttons("< &Back", "&Next >")
	w.on("Back", "NewDialog", tenantDlg, asksTenant)
	w.on("Back", "NewDialog", licenceDlg, "NOT ("+asksTenant+")")
	w.on("Next", "DoAction", checkToken, "1")
	w.on("Next", "SpawnDialog", wrongDlg, answerProblem)
	// Of two answers only the chosen one counts.
	w.on("Next", "["+tokenText+"]", "{}", "NOT "+answerProblem+" AND "+tokenFrom+`<>"text"`)
	w.on("Next", "["+tokenFile+"]", "{}", "NOT "+answerProblem+" AND "+tokenFrom+`="text"`)
	w.on("Next", "NewDialog", readyDlg, "NOT "+answerProblem)
}

// byPolicy is in the place of an answer that nobody had to give.
const byPolicy = "as your organisation says"

// readyDialog says once more what was answered, but for the token itself.
func (d *database) readyDialog() {
	w := d.window(readyDlg, "Ready", "Nothing was changed yet.")
	w.add("Text", "Text", 20, 62, 330, 30, text, "",
		"Regent will be installed as a service of this device. It starts by itself, and asks for nothing more.")
	w.add("Text", "TenantLabel", 20, 104, 90, 15, text, "", "Tenant:")
	w.when(asksTenant, "Tenant", 112, 104, "["+tenant+"]")
	w.when(policyTenant, "TenantByPolicy", 112, 104, byPolicy)
	w.add("Text", "TokenLabel", 20, 122, 90, 15, text, "", "Registration token:")
	w.when(asksToken+" AND "+tokenFrom+`="later"`, "TokenLater", 112, 122, "later, from your administrator")
	w.when(asksToken+" AND "+tokenFrom+`="text"`, "TokenTyped", 112, 122, "the one that you typed")
	w.when(asksToken+" AND "+tokenFrom+`="file"`, "TokenFile", 112, 122, "in the file ["+tokenFile+"]")
	w.when(policyTokenFile, "TokenByPolicy", 112, 122, byPolicy)
	w.buttons("< &Back", "&Install")
	w.shield("Next")
	w.on("Back", "NewDialog", tokenDlg, asksToken)
	w.on("Back", "NewDialog", tenantDlg, "NOT ("+asksToken+") AND "+asksTenant)
	w.on("Back", "NewDialog", licenceDlg, "NOT ("+asksToken+") AND NOT ("+asksTenant+")")
	w.on("Next", "EndDialog", "Return", "1")
}

func (d *database) progressDialog() {
	w := d.window(progressDlg, "Installing", "This takes less than a minute.")
	w.modeless()
	w.add("Text", "Action", 20, 90, 330, 15, text, "", "")
	w.add("ProgressBar", "Bar", 20, 110, 330, 10, 65537, "", "")
	d.in("EventMapping").add(progressDlg, "Action", "ActionText", "Text")
	d.in("EventMapping").add(progressDlg, "Bar", "SetProgress", "Progress")
	w.buttons("", "")
}

// endDialogs are the three ways in which it ends. One is also the end of an
// uninstall.
func (d *database) endDialogs() {
	for _, end := range [][3]string{
		{stoppedDlg, "Stopped", "The installation was stopped. Nothing was changed."},
		{failedDlg, "Failed", "The installation failed, and what it had done was undone. With /l*v FILE, msiexec writes down why."},
	} {
		w := d.window(end[0], end[1], "")
		w.add("Text", "Text", 20, 70, 330, 60, text, "", end[2])
		w.lastButton("&Finish")
		w.on("Next", "EndDialog", "Exit", "1")
	}
	w := d.window(finishDlg, "Finished", "")
	w.when(`NOT `+removing+` AND `+startNow+`<>"0"`, "Running", 20, 70, "Regent is installed and works in the background: there is nothing to open.")
	w.when(`NOT `+removing+` AND `+startNow+`="0"`, "NotYet", 20, 70, "Regent is installed, and starts with the system the next time.")
	w.when("NOT "+removing, "HowItIs", 20, 96, "To see how it is, and what to do next, open a new Command Prompt and type: regent status")
	w.when(removing, "Removed", 20, 70, "The programs are removed. What was paid for stays, unless your organisation's policy says otherwise.")
	w.lastButton("&Finish")
	w.on("Next", "EndDialog", "Return", "1")
}

// removing is an uninstall, from a command line or from the dialog: that the latter
// sets REMOVE for the dialogs after it is promised nowhere.
const removing = `(REMOVE~="ALL" OR ` + leavingHere + `)`

// presentDialog comes if the same version is there.
func (d *database) presentDialog() {
	w := d.window(presentDlg, "Installed already", "")
	w.add("Text", "Text", 20, 70, 330, 60, text, "",
		"Repair puts back what is missing. Remove takes the programs away; what was paid for stays, unless your organisation's policy says otherwise.")
	w.buttons("&Repair", "Re&move")
	w.shield("Next")
	w.on("Back", "Reinstall", "ALL", "1")
	w.on("Back", "ReinstallMode", "ecmus", "1")
	w.on("Back", "EndDialog", "Return", "1")
	w.on("Next", "Remove", "ALL", "1")
	w.on("Next", "["+leavingHere+"]", "1", "1")
	w.on("Next", "EndDialog", "Return", "1")
}

// smallDialogs come above others.
func (d *database) smallDialogs() {
	w := d.small(cancelDlg, "Stop", "Stop the installation?")
	w.push("Yes", 65, 57, "&Yes")
	w.push("No", 140, 57, "&No")
	w.on("Yes", "EndDialog", "Exit", "1")
	w.on("No", "EndDialog", "Return", "1")
	w.ends("No", "No", "No")

	w = d.small(wrongDlg, "Not yet", "["+answerProblem+"]")
	w.push("OK", 102, 57, "&OK")
	w.on("OK", "EndDialog", "Return", "1")
	w.ends("OK", "OK", "OK")

	// The names of these controls are Windows Installer's.
	w = d.small(errorDlg, "Error", "")
	for _, b := range [][2]string{{"A", "Abort"}, {"C", "Cancel"}, {"I", "Ignore"}, {"N", "No"}, {"O", "OK"}, {"R", "Retry"}, {"Y", "Yes"}} {
		w.push(b[0], 102, 57, "&"+b[1])
		w.on(b[0], "EndDialog", "Error"+strings.ToUpper(b[1][:1])+strings.ToLower(b[1][1:]), "1")
	}
	w.ends("ErrorText", "", "")
}

// words are what Windows Installer says while it works.
func (d *database) words() {
	for _, w := range [][2]string{
		{"InstallFiles", "Copying files"},
		{"StartServices", "Starting the service"},
		{"StopServices", "Stopping the service"},
		{"InstallServices", "Making the service"},
		{"DeleteServices", "Removing the service"},
		{"RemoveExistingProducts", "Removing the version before"},
		{"RemoveFiles", "Removing files"},
		{writeToken, "Handing over the registration token"},
		{removeState, "Removing the state, as policy says"},
	} {
		d.in("ActionText").add(w[0], w[1])
	}
}
