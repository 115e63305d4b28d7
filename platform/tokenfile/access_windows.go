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

// open opens path for reading. It opens a link itself, not its target. It returns an error
// if another program has the file open for writing, and prevents this until it is closed.
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

// isSymlink returns false: open opens a link, and checkKind refuses it.
func isSymlink(error) bool { return false }

// isBusy reports whether another program has the file open for writing or denies readers.
func isBusy(err error) bool { return errors.Is(err, windows.ERROR_SHARING_VIOLATION) }

func isMount(error) bool { return false }

// IsReadOnly returns false: secrets on read-only mounts are not known on Windows.
func IsReadOnly(string) bool { return false }

// IsUnremovable returns false: on Windows a file is never a mount.
func IsUnremovable(string) bool { return false }

// canDetectWriters returns true. Read detects writers by opening the file. A check here
// would deny other programs to open it for writing.
func canDetectWriters(string) bool { return true }

// hasWriter returns false: a file that open has opened has no writer.
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

// checkList checks owner and access control list, like checkMode. It allows administrators,
// since they can open the file anyway. self is this process's user.
func checkList(path string, access files.AccessList, self string) error {
	if !files.IsTrustedSID(access.Owner) && access.Owner != self {
		return newError(path, fmt.Errorf(`belongs to %s, so anybody could have put it there; run: icacls "%s" /setowner *%s`,
			access.Owner, path, layout.AdministratorsSID))
	}
	if others := access.UntrustedWith(contentRights, self, ownerRightsSID); len(others) > 0 {
		return newError(path, fmt.Errorf(`is open to %s; run: icacls "%s" /inheritance:r /grant:r *%s:F *%s:F`,
			strings.Join(others, ", "), path, layout.SystemSID, layout.AdministratorsSID))
	}
	return nil
}

// ownerRightsSID means the owner of the file.
const ownerRightsSID = "S-1-3-4"

// contentRights are the rights to read or change the content, directly or by changing the
// access.
const contentRights = windows.FILE_READ_DATA | windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA |
	windows.GENERIC_READ | windows.GENERIC_WRITE | windows.GENERIC_ALL | windows.WRITE_DAC | windows.WRITE_OWNER

// changeTime returns zero: Windows has only size and time of writing.
func changeTime(fs.FileInfo) time.Time { return time.Time{} }
