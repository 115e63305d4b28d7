package main

import "testing"

// TestDialogReferences: what a button refers to is there, and every dialog can
// be reached.
func TestDialogReferences(t *testing.T) {
	tables := tablesUnderTest(t)
	dialogs, actions := cells(t, tables["Dialog"], "Dialog"), cells(t, tables["CustomAction"], "Action")
	controls := map[string]bool{}
	for _, row := range tables["Control"].Rows {
		controls[row[0]+"/"+row[1]] = true
	}
	reached := map[string]bool{errorDlg: true} // by a property
	for _, row := range tables["ControlEvent"].Rows {
		at, event, argument := row[0]+"/"+row[1], row[2], row[3]
		if !controls[at] {
			t.Errorf("%s has an event and is not there", at)
		}
		switch event {
		case "NewDialog", "SpawnDialog":
			if dialogs[argument] == "" {
				t.Errorf("%s leads to the dialog %q, which is not there", at, argument)
			}
			reached[argument] = true
		case "DoAction":
			if actions[argument] == "" {
				t.Errorf("%s does %q, which is not there", at, argument)
			}
		}
	}
	for action := range cells(t, tables["InstallUISequence"], "Sequence") {
		reached[action] = true
	}
	for dialog := range dialogs {
		if !reached[dialog] {
			t.Errorf("nothing leads to the dialog %s", dialog)
		}
	}
	for _, row := range tables["ControlCondition"].Rows {
		if !controls[row[0]+"/"+row[1]] {
			t.Errorf("%s/%s has a condition and is not there", row[0], row[1])
		}
	}
}

// TestControlsFitTheirDialogs: nothing is cut off, and Tab comes to everything
// that can be typed into.
func TestControlsFitTheirDialogs(t *testing.T) {
	tables := tablesUnderTest(t)
	widths, heights := cells(t, tables["Dialog"], "Width"), cells(t, tables["Dialog"], "Height")
	followed := map[string]bool{}
	for _, row := range tables["Control"].Rows {
		if row[10] != "" {
			followed[row[0]+"/"+row[10]] = true
		}
	}
	for _, row := range tables["Control"].Rows {
		name := row[0] + "/" + row[1]
		if number(t, row[3])+number(t, row[5]) > number(t, widths[row[0]]) || number(t, row[4])+number(t, row[6]) > number(t, heights[row[0]]) {
			t.Errorf("%s is cut off", name)
		}
		switch row[2] {
		case "Edit", "PushButton", "CheckBox", "RadioButtonGroup":
			if !followed[name] && row[0] != errorDlg { // Windows Installer shows what it needs of that one
				t.Errorf("Tab never comes to %s", name)
			}
		}
	}
}

// TestActionsExist: a sequence names what Windows Installer knows, a dialog or an
// action of ours, and every action of ours is used.
func TestActionsExist(t *testing.T) {
	tables := tablesUnderTest(t)
	ours, dialogs := cells(t, tables["CustomAction"], "Type"), cells(t, tables["Dialog"], "Dialog")
	standard := map[string]bool{}
	for _, name := range []string{
		"AppSearch", "CostFinalize", "CostInitialize", "CreateFolders", "DeleteServices", "ExecuteAction", "FileCost", "FindRelatedProducts",
		"InstallAdminPackage", "InstallFiles", "InstallFinalize", "InstallInitialize", "InstallServices", "InstallValidate", "LaunchConditions",
		"MigrateFeatureStates", "MoveFiles", "MsiConfigureServices", "ProcessComponents", "PublishFeatures", "PublishProduct", "RegisterProduct",
		"RegisterUser", "RemoveEnvironmentStrings", "RemoveExistingProducts", "RemoveFiles", "RemoveFolders", "RemoveRegistryValues",
		"StartServices", "StopServices", "UnpublishFeatures", "ValidateProductID", "WriteEnvironmentStrings", "WriteRegistryValues",
	} {
		standard[name] = true
	}
	used := map[string]bool{}
	for _, row := range tables["ControlEvent"].Rows {
		used[row[3]] = true
	}
	for _, sequence := range []string{"InstallExecuteSequence", "InstallUISequence", "AdminExecuteSequence", "AdminUISequence", "AdvtExecuteSequence"} {
		for action := range cells(t, tables[sequence], "Sequence") {
			used[action] = true
			if !standard[action] && ours[action] == "" && dialogs[action] == "" {
				t.Errorf("%s has %q, which nobody knows", sequence, action)
			}
		}
	}
	for action := range ours {
		if !used[action] {
			t.Errorf("nothing does %s", action)
		}
	}
}
