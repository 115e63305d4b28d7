package paths

import (
	"path/filepath"

	"golang.org/x/sys/windows"

	"regent/platform/windowsnames"
)

// Managed policy is in the registry, so there is no directory of it.
func defaults() Paths {
	dir := filepath.Join(programData(), windowsnames.DataFolder)
	return Paths{
		Config:            filepath.Join(dir, windowsnames.ConfigFile),
		ConfigDir:         filepath.Join(dir, windowsnames.ConfigFolder),
		RegistrationToken: filepath.Join(dir, windowsnames.RegistrationTokenFile),
		StateDir:          filepath.Join(dir, windowsnames.StateFolder),
		Socket:            windowsnames.Pipe,
	}
}

// programData asks the system and not the environment, which a caller of the
// service could have set.
func programData() string {
	dir, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return windowsnames.UsualProgramData
	}
	return dir
}
