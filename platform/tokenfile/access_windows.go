package tokenfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/windows"

	"regent/platform/files"
	"regent/platform/layout"
)

// open opens path for reading, itself and not what a link at its end points to.
// It does so only where nobody has it open for writing, and nobody can open it
// so before it is closed.
func open(path string) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_DELETE, nil,
		windows.OPEN_EXISTING, windows.FILE_FLAG_OPEN_REPARSE_POINT|windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

// isSymlink is never true: a link is opened, and refused by its mode.
func isSymlink(error) bool { return false }

// isBusy reports whether another program has the file open in a way that keeps
// readers out, or writes it.
func isBusy(err error) bool { return errors.Is(err, windows.ERROR_SHARING_VIOLATION) }

func isMount(error) bool { return false }

// IsReadOnly reports whether what is at path can neither be changed nor erased here.
// No such mount of Windows is known to carry secrets.
func IsReadOnly(string) bool { return false }

// IsUnremovable is Fixed: a file cannot be a mount.
func IsUnremovable(string) bool { return false }

// canDetectWriters is true: opening tells, and is left to Read, for it keeps others
// from opening the file for writing.
func canDetectWriters(string) bool { return true }

// hasWriter is never true of a file that open opened.
func hasWriter(*os.File) (open, known bool) { return false, true }

func checkAccess(path string, f *os.File, _ fs.FileInfo, _ []int) error {
	access, err := files.ReadHandleAccess(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT)
	if err != nil {
		return newError(path, err)
	}
	self, err := files.OwnSID()
	if err != nil {
		return err
	}
	return checkList(path, access, self)
}

// checkList checks owner and access control list, like checkMode. Administrators are
// allowed, since they can open a file anyway. self is the user of this process.
func checkList(path string, access files.AccessList, self string) error {
	if !files.IsTrustedSID(access.Owner) && access.Owner != self {
		return newError(path, fmt.Errorf(`belongs to %s, so anybody could have put it there: icacls "%s" /setowner *%s`,
			access.Owner, path, layout.AdministratorsSID))
	}
	if others := access.UntrustedWith(contentRights, self, ownerRightsSID); len(others) > 0 {
		return newError(path, fmt.Errorf(`is open to %s: icacls "%s" /inheritance:r /grant:r *%s:F *%s:F`,
			strings.Join(others, ", "), path, layout.SystemSID, layout.AdministratorsSID))
	}
	return nil
}

// ownerRightsSID stands for the owner of the file.
const ownerRightsSID = "S-1-3-4"

// contentRights is every right by which its holder comes to the content, or to the
// right to.
const contentRights = windows.FILE_READ_DATA | windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA |
	windows.GENERIC_READ | windows.GENERIC_WRITE | windows.GENERIC_ALL | windows.WRITE_DAC | windows.WRITE_OWNER

// changeTime is zero: size and time of writing have to do.
func changeTime(fs.FileInfo) time.Time { return time.Time{} }
