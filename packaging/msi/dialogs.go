package main

import (
	"strconv"
	"strings"
)

// The dialogs, in the order in which a person meets them.
const (
	licenceDlg       = "LicenceDlg"
	tenantDlg        = "TenantDlg"
	tokenDlg         = "TokenDlg"
	readyDlg         = "ReadyDlg"
	progressDlg      = "ProgressDlg"
	finishDlg        = "FinishDlg"
	maintenanceDlg   = "PresentDlg" // of an install that is there already
	cancelDlg        = "CancelDlg"
	invalidAnswerDlg = "WrongDlg" // says what is wrong with an answer
	errorDlg         = "ErrorDlg"
	failedDlg        = "FailedDlg"
	stoppedDlg       = "StoppedDlg"
)

// dialogSteps are when which dialog comes. The negative numbers are Windows
// Installer's own, for its three ends.
var dialogSteps = []step{
	{1230, licenceDlg, firstInstall},
	{1231, maintenanceDlg, "Installed"},
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
		d.table("TextStyle").add(style[0], "Tahoma", "8", "", style[1])
	}
	d.property("DefaultUIFont", "Normal")
	d.property("ErrorDialog", errorDlg)
	d.licenceDialog()
	d.tenantDialog()
	d.tokenDialog()
	d.readyDialog()
	d.progressDialog()
	d.endDialogs()
	d.maintenanceDialog()
	d.smallDialogs()
	d.uiText()
}

func (d *database) licenceDialog() {
	w := d.newDialog(licenceDlg, "Licence", "Regent looks after the licences of applications on this device.")
	w.add("ScrollableText", "Text", 20, 60, 330, 140, shown|sunken, "", rtf(d.License))
	w.add("CheckBox", "Accept", 20, 207, 330, 18, shown, "LICENCEACCEPTED", "I &accept these terms")
	d.table("ControlCondition").add(licenceDlg, "Next", "Disable", "LICENCEACCEPTED<>\"1\"")
	d.table("ControlCondition").add(licenceDlg, "Next", "Enable", "LICENCEACCEPTED=\"1\"")
	w.buttons("", "&Next >")
	w.addEvent("Next", "NewDialog", tenantDlg, asksTenant)
	w.addEvent("Next", "NewDialog", tokenDlg, "NOT ("+asksTenant+") AND "+asksToken)
	w.addEvent("Next", "NewDialog", readyDlg, "NOT ("+asksTenant+") AND NOT ("+asksToken+")")
}

func (d *database) tenantDialog() {
	w := d.newDialog(tenantDlg, "Tenant", "Which licence service does this device belong to?")
	w.add("Text", "Label", 20, 70, 330, 15, text, "", "&Address of the tenant, as your administrator gave it to you:")
	w.add("Edit", "Tenant", 20, 88, 330, 18, shown, tenant, "{4000}")
	w.add("Text", "Example", 20, 112, 330, 30, text, "", "A host or a URL, such as demo-host.com or https://demo-host.com/.")
	w.buttons("< &Back", "&Next >")
	w.addEvent("Back", "NewDialog", licenceDlg, "1")
	w.addEvent("Next", "DoAction", checkTenant, "1")
	w.addEvent("Next", "SpawnDialog", invalidAnswerDlg, answerProblem)
	w.addEvent("Next", "NewDialog", tokenDlg, "NOT "+answerProblem+" AND "+asksToken)
	w.addEvent("Next", "NewDialog", readyDlg, "NOT "+answerProblem+" AND NOT ("+asksToken+")")
}

func (d *database) tokenDialog() {
	w := d.newDialog(tokenDlg, "Registration token", "With it, this device gets its licences.")
	w.add("RadioButtonGroup", "From", 20, 60, 330, 52, shown, tokenFrom, "")
	for i, choice := range [][2]string{
		{"later", "&Later: my administrator sees to it"},
		{"text", "I have a &token"},
		{"file", "It is in a &file, which Regent erases once it is read"},
	} {
		d.table("RadioButton").add(tokenFrom, strconv.Itoa(i+1), choice[0], "0", strconv.Itoa(17*i), "320", "16", choice[1])
	}
	w.add("Edit", "Token", 34, 120, 316, 18, shown|password, tokenText, "{4000}")
	w.add("Edit", "File", 34, 120, 316, 18, shown, tokenFile, "{4000}")
	w.add("Text", "Hint", 34, 144, 316, 40, text, "", "What you type is not shown, and it is written to no log.")
	for control, choice := range map[string]string{"Token": "text", "Hint": "text", "File": "file"} {
		d.table("ControlCondition").add(tokenDlg, control, "Show", tokenFrom+`="`+choice+`"`)
		d.table("ControlCondition").add(tokenDlg, control, "Hide", tokenFrom+`<>"`+choice+`"`)
	}
	w.buttons("< &Back", "&Next >")
	w.addEvent("Back", "NewDialog", tenantDlg, asksTenant)
	w.addEvent("Back", "NewDialog", licenceDlg, "NOT ("+asksTenant+")")
	w.addEvent("Next", "DoAction", checkToken, "1")
	w.addEvent("Next", "SpawnDialog", invalidAnswerDlg, answerProblem)
	// Of two answers only the chosen one counts.
	w.addEvent("Next", "["+tokenText+"]", "{}", "NOT "+answerProblem+" AND "+tokenFrom+`<>"text"`)
	w.addEvent("Next", "["+tokenFile+"]", "{}", "NOT "+answerProblem+" AND "+tokenFrom+`="text"`)
	w.addEvent("Next", "NewDialog", readyDlg, "NOT "+answerProblem)
}

// byPolicy is in the place of an answer that nobody had to give.
const byPolicy = "as your organisation says"

// readyDialog says once more what was answered, but for the token itself.
func (d *database) readyDialog() {
	w := d.newDialog(readyDlg, "Ready", "Nothing was changed yet.")
	w.add("Text", "Text", 20, 62, 330, 30, text, "",
		"Regent will be installed as a service of this device. It starts by itself, and asks for nothing more.")
	w.add("Text", "TenantLabel", 20, 104, 90, 15, text, "", "Tenant:")
	w.addConditionalText(asksTenant, "Tenant", 112, 104, "["+tenant+"]")
	w.addConditionalText(policyTenant, "TenantByPolicy", 112, 104, byPolicy)
	w.add("Text", "TokenLabel", 20, 122, 90, 15, text, "", "Registration token:")
	w.addConditionalText(asksToken+" AND "+tokenFrom+`="later"`, "TokenLater", 112, 122, "later, from your administrator")
	w.addConditionalText(asksToken+" AND "+tokenFrom+`="text"`, "TokenTyped", 112, 122, "the one that you typed")
	w.addConditionalText(asksToken+" AND "+tokenFrom+`="file"`, "TokenFile", 112, 122, "in the file ["+tokenFile+"]")
	w.addConditionalText(policyTokenFile, "TokenByPolicy", 112, 122, byPolicy)
	w.buttons("< &Back", "&Install")
	w.shield("Next")
	w.addEvent("Back", "NewDialog", tokenDlg, asksToken)
	w.addEvent("Back", "NewDialog", tenantDlg, "NOT ("+asksToken+") AND "+asksTenant)
	w.addEvent("Back", "NewDialog", licenceDlg, "NOT ("+asksToken+") AND NOT ("+asksTenant+")")
	w.addEvent("Next", "EndDialog", "Return", "1")
}

func (d *database) progressDialog() {
	w := d.newDialog(progressDlg, "Installing", "This takes less than a minute.")
	w.modeless()
	w.add("Text", "Action", 20, 90, 330, 15, text, "", "")
	w.add("ProgressBar", "Bar", 20, 110, 330, 10, 65537, "", "")
	d.table("EventMapping").add(progressDlg, "Action", "ActionText", "Text")
	d.table("EventMapping").add(progressDlg, "Bar", "SetProgress", "Progress")
	w.buttons("", "")
}

// endDialogs are the three ways in which it ends. One is also the end of an
// uninstall.
func (d *database) endDialogs() {
	for _, end := range [][3]string{
		{stoppedDlg, "Stopped", "The installation was stopped. Nothing was changed."},
		{failedDlg, "Failed", "The installation failed, and what it had done was undone. With /l*v FILE, msiexec writes down why."},
	} {
		w := d.newDialog(end[0], end[1], "")
		w.add("Text", "Text", 20, 70, 330, 60, text, "", end[2])
		w.lastButton("&Finish")
		w.addEvent("Next", "EndDialog", "Exit", "1")
	}
	w := d.newDialog(finishDlg, "Finished", "")
	w.addConditionalText(`NOT `+removing+` AND `+startNow+`<>"0"`, "Running", 20, 70, "Regent is installed and works in the background: there is nothing to open.")
	w.addConditionalText(`NOT `+removing+` AND `+startNow+`="0"`, "NotYet", 20, 70, "Regent is installed, and starts with the system the next time.")
	w.addConditionalText("NOT "+removing, "HowItIs", 20, 96, "To see how it is, and what to do next, open a new Command Prompt and type: regent status")
	w.addConditionalText(removing, "Removed", 20, 70, "The programs are removed. What was paid for stays, unless your organisation's policy says otherwise.")
	w.lastButton("&Finish")
	w.addEvent("Next", "EndDialog", "Return", "1")
}

// removing is an uninstall, from a command line or from the dialog: that the latter
// sets REMOVE for the dialogs after it is promised nowhere.
const removing = `(REMOVE~="ALL" OR ` + uninstallFromDialog + `)`

// maintenanceDialog comes if the same version is there.
func (d *database) maintenanceDialog() {
	w := d.newDialog(maintenanceDlg, "Installed already", "")
	w.add("Text", "Text", 20, 70, 330, 60, text, "",
		"Repair puts back what is missing. Remove takes the programs away; what was paid for stays, unless your organisation's policy says otherwise.")
	w.buttons("&Repair", "Re&move")
	w.shield("Next")
	w.addEvent("Back", "Reinstall", "ALL", "1")
	w.addEvent("Back", "ReinstallMode", "ecmus", "1")
	w.addEvent("Back", "EndDialog", "Return", "1")
	w.addEvent("Next", "Remove", "ALL", "1")
	w.addEvent("Next", "["+uninstallFromDialog+"]", "1", "1")
	w.addEvent("Next", "EndDialog", "Return", "1")
}

// smallDialogs come above others.
func (d *database) smallDialogs() {
	w := d.newMessage(cancelDlg, "Stop", "Stop the installation?")
	w.push("Yes", 65, 57, "&Yes")
	w.push("No", 140, 57, "&No")
	w.addEvent("Yes", "EndDialog", "Exit", "1")
	w.addEvent("No", "EndDialog", "Return", "1")
	w.setFocus("No", "No", "No")

	w = d.newMessage(invalidAnswerDlg, "Not yet", "["+answerProblem+"]")
	w.push("OK", 102, 57, "&OK")
	w.addEvent("OK", "EndDialog", "Return", "1")
	w.setFocus("OK", "OK", "OK")

	// The names of these controls are Windows Installer's.
	w = d.newMessage(errorDlg, "Error", "")
	for _, b := range [][2]string{{"A", "Abort"}, {"C", "Cancel"}, {"I", "Ignore"}, {"N", "No"}, {"O", "OK"}, {"R", "Retry"}, {"Y", "Yes"}} {
		w.push(b[0], 102, 57, "&"+b[1])
		w.addEvent(b[0], "EndDialog", "Error"+strings.ToUpper(b[1][:1])+strings.ToLower(b[1][1:]), "1")
	}
	w.setFocus("ErrorText", "", "")
}

// uiText are what Windows Installer says while it works.
func (d *database) uiText() {
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
		d.table("ActionText").add(w[0], w[1])
	}
}
