package tokenfile

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"

	"regent/platform/acl"
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
	access, err := acl.Of(sd)
	if err != nil {
		return refuse(path, err)
	}
	var grants []grant
	for _, g := range access.Grants {
		grants = append(grants, grant{sid: g.SID, content: g.Mask&content != 0})
	}
	self, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return fmt.Errorf("find the user of this process: %w", err)
	}
	return checkList(path, access.Owner, grants, self.User.Sid.String())
}

// content is every right by which its holder comes to the content, or to the
// right to.
const content = windows.FILE_READ_DATA | windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA |
	windows.GENERIC_READ | windows.GENERIC_WRITE | windows.GENERIC_ALL | windows.WRITE_DAC | windows.WRITE_OWNER
