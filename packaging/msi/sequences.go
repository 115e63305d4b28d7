package main

import (
	"strconv"

	"regent/platform/layout"
)

// tokenName is the file that a registration token from a property goes into.
const tokenName = layout.RegistrationTokenFile

// step is one action of a sequence.
type step struct {
	number    int
	action    string
	condition string
}

// Conditions of steps.
const (
	always       = ""
	firstInstall = "NOT Installed"

	writesSetup = firstInstall + " AND " + application + " AND NOT " + setupFound

	// uninstalling is an uninstall by a person, and not that of an old version by a
	// newer one.
	uninstalling = `REMOVE~="ALL" AND NOT UPGRADINGPRODUCTCODE`
)

// answersSteps come first: they read known values, then check the answers.
var answersSteps = []step{
	{25, "FindRelatedProducts", always},
	{50, "AppSearch", always},
	{51, "KeepTenant", savedTenant + " AND NOT " + tenant},
	{52, "KeepTokenFile", savedTokenFile + " AND NOT " + tokenFile + " AND NOT " + tokenText},
	{100, "LaunchConditions", always},
}

var costSteps = []step{
	{800, "CostInitialize", always},
	{900, "FileCost", always},
	{1000, "CostFinalize", always},
}

// executeSteps do it. The old version goes within the same transaction: if the
// new one fails, the old one is back.
var executeSteps = []step{
	{110, "RefuseTwoTokens", firstInstall + " AND " + tokenFile + " AND " + tokenText},
	{120, checkAll, firstInstall},
	{121, "RefuseAnswers", firstInstall + " AND " + answerProblem},
	{700, "ValidateProductID", always},
	{1001, "TokenPathGiven", tokenFile},
	{1002, "TokenPathOurs", tokenText},
	{1200, "MigrateFeatureStates", always},
	{1400, "InstallValidate", always},
	{1500, "InstallInitialize", always},
	{1501, "RemoveExistingProducts", always},
	{1600, "ProcessComponents", always},
	{1800, "UnpublishFeatures", always},
	{1900, "StopServices", always},
	{2000, "DeleteServices", always},
	{2600, "RemoveRegistryValues", always},
	{3300, "RemoveEnvironmentStrings", always},
	{3490, "DropUnused", uninstalling},
	{3500, "RemoveFiles", always},
	{3600, "RemoveFolders", always},
	{3610, "Set" + removeState, uninstalling},
	{3611, removeState, uninstalling + " AND " + onUninstall + `="remove"`},
	{3700, "CreateFolders", always},
	{3800, "MoveFiles", always},
	{4000, "InstallFiles", always},
	{5000, "WriteRegistryValues", always},
	{5200, "WriteEnvironmentStrings", always},
	{5600, "Set" + dropToken, firstInstall + " AND " + tokenText},
	{5601, dropToken, firstInstall + " AND " + tokenText},
	{5610, "Set" + writeToken, firstInstall + " AND " + tokenText},
	{5611, writeToken, firstInstall + " AND " + tokenText},
	{5620, "Set" + dropSetup, writesSetup},
	{5621, dropSetup, writesSetup},
	{5630, "Set" + writeSetup, writesSetup},
	{5631, writeSetup, writesSetup},
	{5800, "InstallServices", always},
	{5850, "MsiConfigureServices", always},
	{5900, "StartServices", startNow + `<>"0"`},
	{6000, "RegisterUser", always},
	{6100, "RegisterProduct", always},
	{6300, "PublishFeatures", always},
	{6400, "PublishProduct", always},
	{6600, "InstallFinalize", always},
}

func (d *database) sequences() {
	fill := func(table string, parts ...[]step) {
		for _, part := range parts {
			for _, s := range part {
				d.table(table).add(s.action, s.condition, strconv.Itoa(s.number))
			}
		}
	}
	fill("InstallExecuteSequence", answersSteps, costSteps, executeSteps)
	fill("InstallUISequence", answersSteps, costSteps, dialogSteps, []step{{1300, "ExecuteAction", always}})
	fill("AdminUISequence", costSteps, []step{{1300, "ExecuteAction", always}})
	fill("AdminExecuteSequence", costSteps, []step{
		{1400, "InstallValidate", always},
		{1500, "InstallInitialize", always},
		{3900, "InstallAdminPackage", always},
		{4000, "InstallFiles", always},
		{6600, "InstallFinalize", always},
	})
	fill("AdvtExecuteSequence", costSteps[:1], costSteps[2:], []step{
		{1400, "InstallValidate", always},
		{1500, "InstallInitialize", always},
		{6300, "PublishFeatures", always},
		{6400, "PublishProduct", always},
		{6600, "InstallFinalize", always},
	})
}
