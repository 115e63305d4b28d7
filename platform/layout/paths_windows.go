package layout

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// SetupCommand is the command that configures this device, as an administrator types it.
const SetupCommand = "regent setup"

// Managed policy is in the registry, so it has no directory.
func defaults() Paths {
	dir := filepath.Join(programData(), DataFolder)
	return Paths{
		Config:            filepath.Join(dir, ConfigFile),
		ConfigDir:         filepath.Join(dir, ConfigFolder),
		RegistrationToken: filepath.Join(dir, RegistrationTokenFile),
		StateDir:          filepath.Join(dir, StateFolder),
		Socket:            Pipe,
	}
}

// programData asks Windows. It does not use the environment, which a caller of the service
// could have set.
func programData() string {
	dir, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return DefaultProgramData
	}
	return dir
}
