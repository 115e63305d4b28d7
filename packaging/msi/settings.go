package main

import (
	"strconv"
	"strings"

	"regent/agent/policy"
	"regent/platform/layout"
)

// The public properties, for msiexec's command line or a management system's form.
const (
	tenant     = "TENANT"
	tokenFile  = "REGISTRATIONTOKENFILE"
	tokenText  = "REGISTRATIONTOKEN"
	configFile = "CONFIGFILE"
	startNow   = "STARTSERVICE"

	application = "APPLICATION"
	instances   = "INSTANCES"
	users       = "USERS"

	// tokenFrom is the person's choice in the dialog.
	tokenFrom = "TOKENFROM"
)

// The package's own properties. Properties with lower-case letters never leave the
// process that set them.
const (
	tokenPath           = "TokenPath"
	removeTokenDir      = "UnusedDir" // set to delete the content of the folder
	answerProblem       = "AnswerProblem"
	uninstallFromDialog = "LeavingHere" // set if a dialog was told to remove it

	savedTenant     = "SAVEDTENANT"
	savedTokenFile  = "SAVEDTOKENFILE"
	policyTenant    = "POLICYTENANT"
	policyTokenFile = "POLICYTOKENFILE"
	onUninstall     = "ONUNINSTALL"

	setupFound = "SETUPFOUND" // the file of regent setup is there already
)

// setting returns the definition of the setting with that key.
func setting(key string) policy.Definition {
	for _, d := range policy.Table() {
		if d.Key == key {
			return d
		}
	}
	panic("[unexpected] there is no setting " + key)
}

// settings are the installer's properties. Each is stored where the service finds it, and
// read from there at an upgrade.
func (d *database) settings() {
	tenantSetting, fileSetting := setting("tenant"), setting("registration_token_file")
	d.property("TenantPattern", tenantSetting.Pattern)
	d.property("PathPattern", fileSetting.Pattern)
	d.property("ApplicationPattern", setting("applications.*.id").Pattern)
	d.property("InstancesMax", strconv.FormatInt(setting("applications.*.instances").Max, 10))
	d.property(instances, "1")
	d.property(startNow, "1")
	d.property(tokenFrom, "later")

	// An empty value would rule over config.yaml's, so it is not written.
	d.component("Tenant", programDir, keyIsRegistry, tenant, "Tenant")
	d.registry("Tenant", layout.InstallerKey, tenantSetting.PolicyName(), "["+tenant+"]", "Tenant")
	d.component("TokenFile", programDir, keyIsRegistry, tokenFile+" OR "+tokenText, "TokenFile")
	d.registry("TokenFile", layout.InstallerKey, fileSetting.PolicyName(), "["+tokenPath+"]", "TokenFile")

	d.search(savedTenant, layout.InstallerKey, tenantSetting.PolicyName())
	d.search(savedTokenFile, layout.InstallerKey, fileSetting.PolicyName())
	d.search(policyTenant, layout.PolicyKey, tenantSetting.PolicyName())
	d.search(policyTokenFile, layout.PolicyKey, fileSetting.PolicyName())
	d.table("AppSearch").add(setupFound, setupFound)
	d.table("Signature").add(setupFound, layout.SetupFile, "", "", "", "", "", "", "")
	d.table("DrLocator").add(setupFound, "", "[CommonAppDataFolder]"+layout.DataFolder+`\`+layout.ConfigFolder, "0")
	d.search(onUninstall, layout.PolicyKey, setting("store.on_uninstall").PolicyName())

	d.folder("Data", dataDir, layout.DataAccess)
	d.folder("Incoming", incomingDir, layout.IncomingAccess)
	d.table("RemoveFile").add("UnusedToken", "Incoming", tokenName, removeTokenDir, "2")       // at uninstall
	d.table("MoveFile").add("Config", "Data", "", layout.ConfigFile, configFile, dataDir, "0") // copies

	d.property("SecureCustomProperties", strings.Join([]string{
		configFile, "NEWERFOUND", "OLDERFOUND", onUninstall, policyTenant, policyTokenFile,
		tokenText, tokenFile, savedTenant, savedTokenFile, startNow, tenant, tokenFrom,
		application, instances, users, setupFound,
	}, ";"))
	d.property("MsiHiddenProperties", strings.Join([]string{tokenText, writeToken, dropToken}, ";"))
}

// raw64 has a registry value searched as it stands, in the 64-bit view.
const raw64 = "18"

// search sets a property from a registry value, before any other step.
func (d *database) search(property, key, name string) {
	d.table("AppSearch").add(property, property)
	d.table("RegLocator").add(property, localMachine, key, name, raw64)
}

// folder has a folder made with an access list. Its owner is the installer's,
// which is the system.
func (d *database) folder(component, dir, access string) {
	d.component(component, dir, 0, "", "")
	d.table("CreateFolder").add(dir, component)
	_, list, _ := strings.Cut(access, "D:")
	d.table("MsiLockPermissionsEx").add(component, dir, "CreateFolder", "D:"+list)
}
