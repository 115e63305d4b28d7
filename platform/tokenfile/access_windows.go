package tokenfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// open opens path for reading, itself and not what a link at its end points to.
func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|windows.O_FILE_FLAG_OPEN_REPARSE_POINT, 0) //nolint:gosec // the configured path
}

// isSymlink is never true: a link is opened, and refused by its mode.
func isSymlink(error) bool { return false }

func checkAccess(path string, f *os.File, _ fs.FileInfo, _ []int) error {
	sd, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return refuse(path, fmt.Errorf("its access control list cannot be read: %w", err))
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return refuse(path, fmt.Errorf("its owner cannot be read: %w", err))
	}
	list, _, err := sd.DACL()
	if err != nil || list == nil {
		return refuse(path, errors.New("has no access control list, so it is open to everyone"))
	}
	grants, err := grantsOf(list)
	if err != nil {
		return refuse(path, err)
	}
	self, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return fmt.Errorf("find the user of this process: %w", err)
	}
	return checkList(path, owner.String(), grants, self.User.Sid.String())
}

// content is every right by which its holder comes to the content, or to the
// right to.
const content = windows.FILE_READ_DATA | windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA |
	windows.GENERIC_READ | windows.GENERIC_WRITE | windows.GENERIC_ALL | windows.WRITE_DAC | windows.WRITE_OWNER

// grantsOf lists what the access control list allows. What it denies is left
// out: a denial can only make it narrower. An entry of a kind that is not
// understood is an error, for it may allow something.
func grantsOf(list *windows.ACL) ([]grant, error) {
	var grants []grant
	for i := range uint32(list.AceCount) {
		var entry *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &entry); err != nil {
			return nil, fmt.Errorf("its access control list cannot be read: %w", err)
		}
		switch {
		case entry.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0,
			entry.Header.AceType == windows.ACCESS_DENIED_ACE_TYPE:
			continue
		case entry.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE:
			return nil, errors.New("its access control list has an entry of an unknown kind")
		}
		sid := (*windows.SID)(unsafe.Pointer(&entry.SidStart)) //nolint:gosec // the entry ends in the identifier itself
		grants = append(grants, grant{sid: sid.String(), content: entry.Mask&content != 0})
	}
	return grants, nil
}
