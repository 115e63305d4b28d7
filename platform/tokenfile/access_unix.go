//go:build unix

package tokenfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"regent/platform/files"
)

// open opens path for reading. It follows no symbolic link at its end, unless
// nobody can change the link, and does not wait for the other end of a pipe.
func open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0) //nolint:gosec // the configured path
	if isSymlink(err) && IsReadOnly(path) {
		return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) //nolint:gosec // the configured path
	}
	return f, err
}

func isSymlink(err error) bool {
	return errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) // FreeBSD says EMLINK
}

// isBusy is never true: opening a file that somebody writes is no error.
func isBusy(error) bool { return false }

// canDetectWriters reports whether writes knows of the file at path.
func canDetectWriters(path string) bool {
	f, err := open(path)
	if err != nil {
		return true // reading it says why
	}
	defer f.Close() //nolint:errcheck // opened for reading
	_, known := hasWriter(f)
	return known
}

// isMount reports whether a file could not be removed because it is a mount.
func isMount(err error) bool { return errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EROFS) }

// IsReadOnly reports whether what is at path lies on a read-only mount, so that it
// can neither be changed nor erased here.
func IsReadOnly(path string) bool {
	return isReadOnlyMount(path) || isReadOnlyMount(filepath.Dir(path))
}

// IsUnremovable reports whether the file at path can be neither removed nor renamed
// here: it is Fixed, or itself a mount.
func IsUnremovable(path string) bool { return IsReadOnly(path) || isMountPoint(path) }

func checkAccess(path string, f *os.File, info fs.FileInfo, owners []int) error {
	owner, others, err := files.ModeAccess(info)
	if err != nil {
		return newError(path, err)
	}
	allowed := append([]int{os.Geteuid()}, owners...)
	if list, ok := files.ReadACL(func(b []byte) (int, error) { return unix.Fgetxattr(int(f.Fd()), files.ACLAttribute, b) }); ok {
		others = list.Others(append(allowed, 0)...)
	}
	fixed := IsReadOnly(path)
	if fixed || filepath.Dir(path) == filepath.Clean(os.Getenv("CREDENTIALS_DIRECTORY")) {
		others = 0 // nobody can change that here, or the service manager has decided it
	}
	return checkMode(path, info.Mode(), others, owner, allowed, fixed)
}
