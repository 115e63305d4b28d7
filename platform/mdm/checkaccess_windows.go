package mdm

import (
	"fmt"

	"regent/platform/files"
	"regent/platform/layout"
)

// CheckAdministratorsOnly returns an error if anybody except the system and its
// administrators may change the file or directory at path.
func CheckAdministratorsOnly(path string) error {
	access, err := files.ReadAccess(path)
	if err != nil {
		return fmt.Errorf("is ignored: %w", err)
	}
	return checkAdministratorsOnly(path, access)
}

func checkAdministratorsOnly(path string, access files.AccessList) error {
	if !files.IsTrustedSID(access.Owner) {
		return fmt.Errorf("belongs to %s and not to Administrators, so it is ignored; run: icacls \"%s\" /setowner *%s", access.Owner, path, layout.AdministratorsSID)
	}
	for _, sid := range access.UntrustedWith(files.ChangeRights) {
		return fmt.Errorf("is writable by %s, so it is ignored; run: icacls \"%s\" /remove *%[1]s", sid, path)
	}
	return nil
}
