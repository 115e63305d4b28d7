package peer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Requested access, and the access that others may have meanwhile.
const (
	readAccess    = windows.FILE_GENERIC_READ
	executeAccess = windows.FILE_EXECUTE

	anySharing  = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	readSharing = windows.FILE_SHARE_READ

	// The holder of an oplock is asked to release it, and may never do so. Do not wait.
	openOptions = windows.FILE_SYNCHRONOUS_IO_NONALERT | windows.FILE_NON_DIRECTORY_FILE | windows.FILE_COMPLETE_IF_OPLOCKED
)

// openLocal opens a file at a path from a caller. It opens only files on a fixed
// drive of this machine, and follows no link. Otherwise the service would log on to a
// server of the caller's choice with the machine's account, and wait for its answers.
func openLocal(path string, access, share uint32) (*os.File, error) {
	root, rest, err := splitFixedDrive(path, driveType)
	if err != nil {
		return nil, err
	}
	drive, err := openDirectory(root)
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(drive) //nolint:errcheck // used for opening only
	name, err := windows.NewNTUnicodeString(rest)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", path, err)
	}
	h := windows.InvalidHandle
	err = windows.NtCreateFile(&h, access|windows.SYNCHRONIZE, below(drive, name), &windows.IO_STATUS_BLOCK{}, nil, 0, share, windows.FILE_OPEN, openOptions, 0, 0)
	if err != nil {
		if h != windows.InvalidHandle && errors.Is(err, windows.STATUS_OPLOCK_BREAK_IN_PROGRESS) {
			err = errors.Join(errOplocked, windows.CloseHandle(h))
		}
		return nil, fmt.Errorf("open %s: %w", path, translateError(err))
	}
	return os.NewFile(uintptr(h), path), nil
}

// below returns the attributes of a file below a directory, with no link in its path.
func below(directory windows.Handle, name *windows.NTUnicodeString) *windows.OBJECT_ATTRIBUTES {
	at := &windows.OBJECT_ATTRIBUTES{
		RootDirectory: directory,
		ObjectName:    name,
		Attributes:    windows.OBJ_CASE_INSENSITIVE | windows.OBJ_DONT_REPARSE,
	}
	at.Length = uint32(unsafe.Sizeof(*at))
	return at
}

var (
	errOplocked = errors.New("another program has it locked (an oplock); ask again")
	errLink     = errors.New("its path contains a link")
)

// translateError returns the error that [os.Open] would return, or a clearer one.
func translateError(err error) error {
	if errors.Is(err, windows.STATUS_REPARSE_POINT_ENCOUNTERED) {
		return errLink
	}
	if status, ok := errors.AsType[windows.NTStatus](err); ok {
		return status.Errno()
	}
	return err
}

// splitFixedDrive splits a path into the root of its drive and the rest. For a path without
// a drive letter it does not call kind: that call would contact the server in the path.
func splitFixedDrive(path string, kind func(root string) uint32) (root, rest string, err error) {
	if len(path) < 4 || path[1:3] != `:\` || !isLetter(path[0]) {
		return "", "", fmt.Errorf("%q is not on a drive of this machine; regentd checks only programs on a fixed drive", path)
	}
	root, rest = path[:3], path[3:]
	if filepath.Clean(path) != path || strings.ContainsAny(rest, `:*?"<>|`) {
		return "", "", fmt.Errorf("%q is not the plain path of a file", path)
	}
	if kind(root) != windows.DRIVE_FIXED {
		return "", "", fmt.Errorf("%q is not on a fixed drive of this machine; regentd checks only programs there", path)
	}
	return root, rest, nil
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// driveType returns the type of a drive as this process, not the caller, sees it.
func driveType(root string) uint32 {
	name, err := windows.UTF16PtrFromString(root)
	if err != nil {
		return windows.DRIVE_UNKNOWN
	}
	return windows.GetDriveType(name)
}

func openDirectory(path string) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return windows.InvalidHandle, fmt.Errorf("open %q: %w", path, err)
	}
	h, err := windows.CreateFile(name, windows.FILE_TRAVERSE|windows.SYNCHRONIZE, anySharing, nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return windows.InvalidHandle, fmt.Errorf("open %s: %w", path, err)
	}
	return h, nil
}
