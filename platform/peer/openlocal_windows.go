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

// What is asked of a file, and what others may do to it meanwhile.
const (
	readAccess    = windows.FILE_GENERIC_READ
	executeAccess = windows.FILE_EXECUTE

	anySharing  = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	readSharing = windows.FILE_SHARE_READ

	// Who holds an oplock of a file is asked to let go of it, and may never do that:
	// it is not waited for.
	openOptions = windows.FILE_SYNCHRONOUS_IO_NONALERT | windows.FILE_NON_DIRECTORY_FILE | windows.FILE_COMPLETE_IF_OPLOCKED
)

// openLocal opens a file that a caller has named, by where its program is. Only one
// on a fixed drive of this machine is opened, and through no link: the service would
// log on with the machine's account to wherever the caller likes, which would then
// answer each read as it likes, or never.
func openLocal(path string, access, share uint32) (*os.File, error) {
	root, rest, err := splitFixedDrive(path, driveType)
	if err != nil {
		return nil, err
	}
	drive, err := openDirectory(root)
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(drive) //nolint:errcheck // it was only a place to begin
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

// below names a file below a directory, with no link on the way.
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
	errLink     = errors.New("a link is on the way to it, or it is one")
)

// translateError is the system's error as [os.Open] would have it, or in clearer words.
func translateError(err error) error {
	if errors.Is(err, windows.STATUS_REPARSE_POINT_ENCOUNTERED) {
		return errLink
	}
	if status, ok := errors.AsType[windows.NTStatus](err); ok {
		return status.Errno()
	}
	return err
}

// splitFixedDrive takes a path apart: its drive's root, and what is below. It asks
// nobody about a path that is not of a drive, since to ask is to go there.
func splitFixedDrive(path string, kind func(root string) uint32) (root, rest string, err error) {
	if len(path) < 4 || path[1:3] != `:\` || !isLetter(path[0]) {
		return "", "", fmt.Errorf("%q is not on a drive of this machine; only programs on a fixed drive are looked at", path)
	}
	root, rest = path[:3], path[3:]
	if filepath.Clean(path) != path || strings.ContainsAny(rest, `:*?"<>|`) {
		return "", "", fmt.Errorf("%q is not the plain path of a file", path)
	}
	if kind(root) != windows.DRIVE_FIXED {
		return "", "", fmt.Errorf("%q is not on a fixed drive of this machine; only programs there are looked at", path)
	}
	return root, rest, nil
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// driveType asks what this process, and not the caller, knows by a drive's letter.
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
