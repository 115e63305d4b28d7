package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// The dialogs, in the order in which a person meets them.
const (
	licenceDlg       = "LicenceDlg"
	tenantDlg        = "TenantDlg"
	tokenDlg         = "TokenDlg"
	applicationDlg   = "ApplicationDlg"
	readyDlg         = "ReadyDlg"
	progressDlg      = "ProgressDlg"
	finishDlg        = "FinishDlg"
	maintenanceDlg   = "PresentDlg" // of an install that is there already
	cancelDlg        = "CancelDlg"
	invalidAnswerDlg = "WrongDlg" // shows the fault of an answer
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

// It does not ask for known values: policy overrides every answer. If policy sets
// the tenant, the dialogs assume that policy sets the applications too.
const (
	asksTenant      = "NOT " + policyTenant
	asksToken       = "NOT " + policyTokenFile
	asksApplication = "NOT " + policyTenant + " AND NOT " + setupFound
)

// questions are the dialogs from the first to the last question, and when each comes.
var questions = [][2]string{
	{licenceDlg, "1"}, {tenantDlg, asksTenant}, {tokenDlg, asksToken}, {applicationDlg, asksApplication}, {readyDlg, "1"},
}

// goOn has a button lead to the next question that is asked, if condition holds.
func (w *dialogBuilder) goOn(condition string) { w.lead("Next", questions, condition) }

// goBack has a button lead to the last question that was asked.
func (w *dialogBuilder) goBack() {
	back := slices.Clone(questions)
	slices.Reverse(back)
	w.lead("Back", back, "")
}

func (w *dialogBuilder) lead(button string, order [][2]string, condition string) {
	at := slices.IndexFunc(order, func(q [2]string) bool { return q[0] == w.name })
	for _, q := range order[at+1:] {
		var all []string
		for _, one := range []string{condition, q[1]} {
			if one != "" && one != "1" {
				all = append(all, one)
			}
		}
		w.addEvent(button, "NewDialog", q[0], cmp.Or(strings.Join(all, " AND "), "1"))
		if q[1] == "1" {
			return
		}
		condition = strings.TrimPrefix(condition+" AND NOT ("+q[1]+")", " AND ")
	}
}

// dialogs are few: the licence, the tenant, the registration token, the application,
// ready, finish. Each answer is checked before the next dialog comes.
func (d *database) dialogs() {
	for _, style := range [][]string{{"Normal", "0"}, {"Bold", "1"}} {
		d.table("TextStyle").add(style[0], "Tahoma", "8", "", style[1])
	}
	d.property("DefaultUIFont", "Normal")
	d.property("ErrorDialog", errorDlg)
	d.licenceDialog()
	d.tenantDialog()
	d.tokenDialog()
	d.applicationDialog()
	d.readyDialog()
	d.progressDialog()
	d.endDialogs()
	d.maintenanceDialog()
	d.smallDialogs()
	d.uiText()
}

func (d *database) licenceDialog() {
	w := d.newDialog(licenceDlg, "license", d.say("license.about"))
	w.add("ScrollableText", "Text", 20, 60, 330, 140, shown|sunken, "", rtf(d.License))
	w.add("CheckBox", "Accept", 20, 207, 330, 18, shown, "LICENCEACCEPTED", d.say("license.accept"))
	d.table("ControlCondition").add(licenceDlg, "Next", "Disable", "LICENCEACCEPTED<>\"1\"")
	d.table("ControlCondition").add(licenceDlg, "Next", "Enable", "LICENCEACCEPTED=\"1\"")
	w.buttons("", d.say("next"))
	w.goOn("")
}

func (d *database) tenantDialog() {
	w := d.newDialog(tenantDlg, "tenant", d.say("tenant.about"))
	w.add("Text", "Label", 20, 70, 330, 15, text, "", d.say("tenant.label"))
	w.add("Edit", "Tenant", 20, 88, 330, 18, shown, tenant, "{4000}")
	w.add("Text", "Example", 20, 112, 330, 30, text, "", d.say("tenant.example"))
	w.buttons(d.say("back"), d.say("next"))
	w.goBack()
	w.addEvent("Next", "DoAction", checkTenant, "1")
	w.addEvent("Next", "SpawnDialog", invalidAnswerDlg, answerProblem)
	w.goOn("NOT " + answerProblem)
}

func (d *database) tokenDialog() {
	w := d.newDialog(tokenDlg, "token", d.say("token.about"))
	w.add("RadioButtonGroup", "From", 20, 60, 330, 52, shown, tokenFrom, "")
	for i, choice := range []string{"later", "text", "file"} {
		d.table("RadioButton").add(tokenFrom, strconv.Itoa(i+1), choice, "0", strconv.Itoa(17*i), "320", "16", d.say("token."+choice))
	}
	w.add("Edit", "Token", 34, 120, 316, 18, shown|password, tokenText, "{4000}")
	w.add("Edit", "File", 34, 120, 316, 18, shown, tokenFile, "{4000}")
	w.add("Text", "Hint", 34, 144, 316, 40, text, "", d.say("token.hint"))
	for control, choice := range map[string]string{"Token": "text", "Hint": "text", "File": "file"} {
		d.table("ControlCondition").add(tokenDlg, control, "Show", tokenFrom+`="`+choice+`"`)
		d.table("ControlCondition").add(tokenDlg, control, "Hide", tokenFrom+`<>"`+choice+`"`)
	}
	w.buttons(d.say("back"), d.say("next"))
	w.goBack()
	w.addEvent("Next", "DoAction", checkToken, "1")
	w.addEvent("Next", "SpawnDialog", invalidAnswerDlg, answerProblem)
	// Of two answers only the chosen one counts.
	w.addEvent("Next", "["+tokenText+"]", "{}", "NOT "+answerProblem+" AND "+tokenFrom+`<>"text"`)
	w.addEvent("Next", "["+tokenFile+"]", "{}", "NOT "+answerProblem+" AND "+tokenFrom+`="text"`)
	w.goOn("NOT " + answerProblem)
}

// applicationDialog asks what regent setup asks. An empty ID is an answer: the package of
// the application or an administrator configures it.
func (d *database) applicationDialog() {
	w := d.newDialog(applicationDlg, "application", d.say("application.about"))
	for i, field := range [][3]string{{"ID", application, "{64}"}, {"Instances", instances, "{5}"}, {"Users", users, "{1000}"}} {
		y := 56 + 44*i
		w.add("Text", field[0]+"Label", 20, y, 330, 15, text, "", d.say("application."+strings.ToLower(field[0])))
		w.add("Edit", field[0], 20, y+16, 330, 18, shown, field[1], field[2])
	}
	w.add("Text", "Hint", 20, 190, 330, 40, text, "", d.say("application.hint"))
	w.buttons(d.say("back"), d.say("next"))
	w.goBack()
	w.addEvent("Next", "DoAction", checkApplication, "1")
	w.addEvent("Next", "SpawnDialog", invalidAnswerDlg, answerProblem)
	w.goOn("NOT " + answerProblem)
}

// readyDialog shows the answers again, except the token itself.
func (d *database) readyDialog() {
	w := d.newDialog(readyDlg, "ready", d.say("ready.about"))
	w.add("Text", "Text", 20, 62, 330, 30, text, "", d.say("ready.text"))
	w.add("Text", "TenantLabel", 20, 104, 90, 15, text, "", d.say("ready.tenant"))
	w.addConditionalText(asksTenant, "Tenant", 112, 104, "["+tenant+"]")
	w.addConditionalText(policyTenant, "TenantByPolicy", 112, 104, d.say("ready.policy"))
	w.add("Text", "TokenLabel", 20, 122, 90, 15, text, "", d.say("ready.token"))
	w.addConditionalText(asksToken+" AND "+tokenFrom+`="later"`, "TokenLater", 112, 122, d.say("ready.later"))
	w.addConditionalText(asksToken+" AND "+tokenFrom+`="text"`, "TokenTyped", 112, 122, d.say("ready.typed"))
	w.addConditionalText(asksToken+" AND "+tokenFrom+`="file"`, "TokenFile", 112, 122, d.say("ready.file"))
	w.addConditionalText(policyTokenFile, "TokenByPolicy", 112, 122, d.say("ready.policy"))
	w.add("Text", "ApplicationLabel", 20, 148, 90, 15, text, "", d.say("ready.application"))
	w.addConditionalText(writesSetup, "Application", 112, 148, d.say("ready.instances"))
	w.addConditionalText("NOT ("+writesSetup+")", "ApplicationLater", 112, 148, d.say("ready.elsewhere"))
	w.buttons(d.say("back"), d.say("install"))
	w.shield("Next")
	w.goBack()
	w.addEvent("Next", "EndDialog", "Return", "1")
}

func (d *database) progressDialog() {
	w := d.newDialog(progressDlg, "progress", d.say("progress.about"))
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
	for _, end := range [][2]string{{stoppedDlg, "stopped"}, {failedDlg, "failed"}} {
		w := d.newDialog(end[0], end[1], "")
		w.add("Text", "Text", 20, 70, 330, 60, text, "", d.say(end[1]+".text"))
		w.lastButton(d.say("finish"))
		w.addEvent("Next", "EndDialog", "Exit", "1")
	}
	w := d.newDialog(finishDlg, "finish", "")
	w.addConditionalText(`NOT `+removing+` AND `+startNow+`<>"0"`, "Running", 20, 70, d.say("finish.running"))
	w.addConditionalText(`NOT `+removing+` AND `+startNow+`="0"`, "NotYet", 20, 70, d.say("finish.not-yet"))
	w.addConditionalText("NOT "+removing, "HowItIs", 20, 96, d.say("finish.status"))
	w.addConditionalText(removing, "Removed", 20, 70, d.say("finish.removed"))
	w.lastButton(d.say("finish"))
	w.addEvent("Next", "EndDialog", "Return", "1")
}

// removing is an uninstall, from a command line or from the dialog: that the latter
// sets REMOVE for the dialogs after it is promised nowhere.
const removing = `(REMOVE~="ALL" OR ` + uninstallFromDialog + `)`

// maintenanceDialog comes if the same version is there.
func (d *database) maintenanceDialog() {
	w := d.newDialog(maintenanceDlg, "present", "")
	w.add("Text", "Text", 20, 70, 330, 60, text, "", d.say("present.text"))
	w.buttons(d.say("repair"), d.say("remove"))
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
	w := d.newMessage(cancelDlg, "cancel", d.say("cancel.text"))
	w.push("Yes", 57, 57, d.say("yes"))
	w.push("No", 137, 57, d.say("no"))
	w.addEvent("Yes", "EndDialog", "Exit", "1")
	w.addEvent("No", "EndDialog", "Return", "1")
	w.setFocus("No", "No", "No")

	w = d.newMessage(invalidAnswerDlg, "problem", "["+answerProblem+"]")
	w.push("OK", 97, 57, d.say("ok"))
	w.addEvent("OK", "EndDialog", "Return", "1")
	w.setFocus("OK", "OK", "OK")

	// The names of these controls are Windows Installer's.
	w = d.newMessage(errorDlg, "error", "")
	for _, b := range [][3]string{
		{"A", "ErrorAbort", "error.abort"},
		{"C", "ErrorCancel", "error.cancel"},
		{"I", "ErrorIgnore", "error.ignore"},
		{"N", "ErrorNo", "no"},
		{"O", "ErrorOk", "ok"},
		{"R", "ErrorRetry", "error.retry"},
		{"Y", "ErrorYes", "yes"},
	} {
		w.push(b[0], 97, 57, d.say(b[2]))
		w.addEvent(b[0], "EndDialog", b[1], "1")
	}
	w.setFocus("ErrorText", "", "")
}

// uiText are the texts of Windows Installer while it works.
func (d *database) uiText() {
	for _, action := range []string{
		"InstallFiles", "StartServices", "StopServices", "InstallServices", "DeleteServices",
		"RemoveExistingProducts", "RemoveFiles", writeToken, writeSetup, removeState,
	} {
		d.table("ActionText").add(action, d.say("action."+action))
	}
}
