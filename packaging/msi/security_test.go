package main

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"regent/platform/layout"
)

// What follows is what Wine does not emulate and so nothing here can try: it is
// asked of the tables.

// TestTokenStaysHidden: the registration token goes one way, by a property that
// is hidden, into a script's hidden data.
func TestTokenStaysHidden(t *testing.T) {
	tables := tablesUnderTest(t)
	properties := cells(t, tables["Property"], "Value")
	for _, name := range []string{tokenText, writeToken, dropToken} {
		if !slices.Contains(strings.Split(properties["MsiHiddenProperties"], ";"), name) {
			t.Errorf("%s is not in MsiHiddenProperties, so a log would have it", name)
		}
	}
	if !slices.Contains(strings.Split(properties["SecureCustomProperties"], ";"), tokenText) {
		t.Errorf("%s is not in SecureCustomProperties, so it would be lost on its way to the elevated half", tokenText)
	}

	// Every cell of every table that puts the token's text somewhere.
	var uses []string
	for name, table := range tables {
		for _, row := range table.Rows {
			for _, cell := range row {
				if strings.Contains(cell, "["+tokenText+"]") {
					uses = append(uses, name+"/"+strings.Join(row[:min(table.Keys, 2)], "/"))
				}
			}
		}
	}
	slices.Sort(uses)
	// The dialog's event empties the property.
	if want := []string{"ControlEvent/" + tokenDlg + "/Next", "CustomAction/SetWriteToken"}; !slices.Equal(uses, want) {
		t.Errorf("the token's text stands in %q, want only %q", uses, want)
	}

	types := cells(t, tables["CustomAction"], "Type")
	for action, want := range map[string]int{"SetWriteToken": hidden, writeToken: deferred | asSystem | hidden, dropToken: deferred | asSystem | hidden | onRollback} {
		got, err := strconv.Atoi(types[action])
		if err != nil || got&want != want {
			t.Errorf("%s is of type %s, want the flags %#x in it", action, types[action], want)
		}
	}
	for _, row := range tables["Control"].Rows {
		if attributes, _ := strconv.Atoi(row[7]); row[8] == tokenText && attributes&password == 0 {
			t.Errorf("%s/%s shows the token while it is typed", row[0], row[1])
		}
	}
}

// TestNoCommandLines: no action starts a program, so that nothing stands in a
// list of processes.
func TestNoCommandLines(t *testing.T) {
	for action, text := range cells(t, tablesUnderTest(t)["CustomAction"], "Type") {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		if kind := n & 0x3f; kind != callsScript && kind != setsProperty && kind != showError {
			t.Errorf("%s is an action of kind %d", action, kind)
		}
	}
}

// TestFoldersAreLocked: the access lists in the package are those of the names.
func TestFoldersAreLocked(t *testing.T) {
	tables := tablesUnderTest(t)
	lists := map[string]string{}
	for _, row := range tables["MsiLockPermissionsEx"].Rows {
		lists[row[2]+"/"+row[1]] = row[3]
	}
	want := map[string]string{dataDir: layout.DataAccess, incomingDir: layout.IncomingAccess}
	for _, row := range tables["CreateFolder"].Rows {
		list := lists["CreateFolder/"+row[0]]
		if list == "" || !strings.HasPrefix(list, "D:P") || !strings.HasSuffix(want[row[0]], list) {
			t.Errorf("folder %s is made with %q, want the protected list of %q", row[0], list, want[row[0]])
		}
	}
	if got := len(tables["CreateFolder"].Rows); got != len(want) {
		t.Errorf("got %d folders, want %d", got, len(want))
	}
	// What is made in the folder is born with what the names say of the file.
	if _, aces, _ := strings.Cut(layout.RegistrationTokenAccess, "D:P"); strings.ReplaceAll(lists["CreateFolder/"+incomingDir], "OICI", "") != "D:P"+aces {
		t.Errorf("the incoming folder has %q, want the rights of %q", lists["CreateFolder/"+incomingDir], aces)
	}
}

// TestService: how the service is registered, and that its configuration is
// applied before it starts.
func TestService(t *testing.T) {
	tables := tablesUnderTest(t)
	if got := len(tables["ServiceInstall"].Rows); got != 1 {
		t.Fatalf("got %d services, want 1", got)
	}
	service := tables["ServiceInstall"].Rows[0]
	for column, want := range map[string]string{
		"Name": layout.Service, "StartName": layout.ServiceAccount, "Arguments": layout.ServiceArguments, "Password": "",
	} {
		if got := cells(t, tables["ServiceInstall"], column)[service[0]]; got != want {
			t.Errorf("%s: got %q, want %q", column, got, want)
		}
	}
	control, err := strconv.Atoi(cells(t, tables["ServiceControl"], "Event")[layout.Service])
	if want := controlStart | controlStop | controlStopLater | controlDeleteLast; err != nil || control != want {
		t.Errorf("the service is controlled by %#x, want %#x", control, want)
	}
	config := map[string]string{}
	for _, row := range tables["MsiServiceConfig"].Rows {
		config[row[3]] = row[4]
	}
	if config[delayedStart] != "1" || config[requiredPrivileges] != strings.Join(layout.ServicePrivileges(), "[~]") {
		t.Errorf("the service is configured as %q", config)
	}
	if _, there := tables["MsiServiceConfigFailureActions"]; there {
		t.Error("the table of failure actions does not work: the service sets them itself")
	}
	inOrder(t, tables["InstallExecuteSequence"], "StopServices", "DeleteServices", "CreateFolders", "InstallFiles", writeToken, "InstallServices", "MsiConfigureServices", "StartServices")
}

// TestOrder holds what must come before what.
func TestOrder(t *testing.T) {
	sequence := tablesUnderTest(t)["InstallExecuteSequence"]
	inOrder(t, sequence, "FindRelatedProducts", "AppSearch", "KeepTenant", "KeepTokenFile", "LaunchConditions", "RefuseTwoTokens", checkAll, "RefuseAnswers", "CostInitialize")
	inOrder(t, sequence, "InstallInitialize", "RemoveExistingProducts", "ProcessComponents", "InstallFinalize") // within the transaction
	inOrder(t, sequence, "CostFinalize", "TokenPathOurs", "SetDropToken", dropToken, "SetWriteToken", writeToken, "StartServices")
	inOrder(t, sequence, "StopServices", "DropUnused", "RemoveFiles", "SetRemoveState", removeState, "InstallFinalize")
}

func inOrder(t *testing.T, sequence Table, actions ...string) {
	t.Helper()
	numbers, last := cells(t, sequence, "Sequence"), 0
	for i, action := range actions {
		n, err := strconv.Atoi(numbers[action])
		if err != nil || n <= last {
			t.Errorf("%s is number %q of the sequence, want it after %q", action, numbers[action], actions[max(i-1, 0)])
		}
		last = n
	}
}

// TestUpgradesAndDowngrades: from the same version on the old one goes, a newer
// one stays and the person is told.
func TestUpgradesAndDowngrades(t *testing.T) {
	tables := tablesUnderTest(t)
	version := cells(t, tables["Property"], "Value")["ProductVersion"]
	attributes := map[string][]string{}
	for _, row := range tables["Upgrade"].Rows {
		if row[0] != layout.UpgradeCode {
			t.Errorf("the upgrade is of %s", row[0])
		}
		attributes[row[6]] = []string{row[1], row[2], row[4]}
	}
	if got, want := attributes["OLDERFOUND"], []string{"", version, "513"}; !slices.Equal(got, want) {
		t.Errorf("older: got %q, want %q", got, want)
	}
	if got, want := attributes["NEWERFOUND"], []string{version, "", "2"}; !slices.Equal(got, want) {
		t.Errorf("newer: got %q, want %q", got, want)
	}
	if text := cells(t, tables["LaunchCondition"], "Description")["Installed OR NOT NEWERFOUND"]; text != textsOf(t, *speech)["launch.newer"] {
		t.Errorf("a downgrade is refused with %q", text)
	}
}

// TestComponentsAreOfThe64BitView: neither a file nor a value lands where only
// programs of 32 bits look.
func TestComponentsAreOfThe64BitView(t *testing.T) {
	for name, text := range cells(t, tablesUnderTest(t)["Component"], "Attributes") {
		if n, err := strconv.Atoi(text); err != nil || n&component64 == 0 {
			t.Errorf("component %s has the attributes %s", name, text)
		}
	}
}
