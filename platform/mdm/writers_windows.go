package mdm

import (
	"errors"
	"fmt"
	"io/fs"
	"unsafe"

	"golang.org/x/sys/windows"
)

// AdministratorsOnly says who else than the system and its administrators may
// change the file or the directory at path, or nil.
func AdministratorsOnly(path string) error {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return &fs.PathError{Op: "read the access of", Path: path, Err: err}
	}
	return administratorsOnly(sd)
}

// mayWrite is what lets somebody change a file, or what is in a directory, or who
// may do so.
const mayWrite = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | deleteChild | windows.DELETE |
	windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL

// deleteChild is FILE_DELETE_CHILD, which the library does not name.
const deleteChild = 0x40

// trusted reports whether sid is SYSTEM, Administrators or TrustedInstaller.
func trusted(sid string) bool {
	switch sid {
	case "S-1-5-18", "S-1-5-32-544", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464":
		return true
	}
	return false
}

func administratorsOnly(sd *windows.SECURITY_DESCRIPTOR) error {
	owner, _, err := sd.Owner()
	if err != nil || owner == nil {
		return errors.New("has no owner, so it is ignored")
	}
	if !trusted(owner.String()) {
		return fmt.Errorf("belongs to %s and not to Administrators, so it is ignored; run: icacls /setowner *S-1-5-32-544", owner)
	}
	acl, _, err := sd.DACL()
	if err != nil || acl == nil {
		return errors.New("is writable by everybody, so it is ignored; set an access list with icacls")
	}
	for i := range uint32(acl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(acl, i, &ace); err != nil {
			return fmt.Errorf("has an access list that cannot be read: %w", err)
		}
		inheritOnly := ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0
		if ace.Header.AceType == windows.ACCESS_DENIED_ACE_TYPE || inheritOnly || ace.Mask&mayWrite == 0 {
			continue
		}
		if ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE {
			return errors.New("has conditional access rights, so it is ignored; give Administrators alone the right to write")
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart)) //nolint:gosec // where the system puts it
		if !trusted(sid.String()) {
			return fmt.Errorf("is writable by %s, so it is ignored; run: icacls /remove *%[1]s", sid)
		}
	}
	return nil
}
