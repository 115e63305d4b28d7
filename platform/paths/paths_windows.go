package paths

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Managed policy is in the registry, so there is no directory of it.
func defaults() Paths {
	dir := filepath.Join(programData(), "Regent")
	return Paths{
		Config:            filepath.Join(dir, "config.yaml"),
		ConfigDir:         filepath.Join(dir, "config.d"),
		RegistrationToken: filepath.Join(dir, "registration-token"),
		StateDir:          filepath.Join(dir, "state"),
		Socket:            `\\.\pipe\regent`,
	}
}

// programData asks the system and not the environment, which a caller of the
// service could have set.
func programData() string {
	dir, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return `C:\ProgramData` // where it is unless somebody moved it
	}
	return dir
}
