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

// open opens path for reading. It does not follow a symbolic link at the end of path, unless
// nobody can change the link. It does not wait for the writer of a FIFO.
func open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0) //nolint:gosec // the configured path
	if isSymlink(err) && IsReadOnly(path) {
		return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) //nolint:gosec // the configured path
	}
	return f, err
}

func isSymlink(err error) bool {
	return errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) // EMLINK on FreeBSD
}

// isBusy returns false: a file can be opened while another process writes it.
func isBusy(error) bool { return false }

// canDetectWriters reports whether hasWriter knows the writers of the file at path.
func canDetectWriters(path string) bool {
	f, err := open(path)
	if err != nil {
		return true // Read reports the error
	}
	defer f.Close() //nolint:errcheck // opened for reading
	_, known := hasWriter(f)
	return known
}

// isMount reports whether err means that a file is a mount, or on a read-only one.
func isMount(err error) bool { return errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EROFS) }

// IsReadOnly reports whether the file at path is on a read-only mount, so that it cannot be
// changed or deleted here.
func IsReadOnly(path string) bool {
	return isReadOnlyMount(path) || isReadOnlyMount(filepath.Dir(path))
}

// IsUnremovable reports whether the file at path can be neither deleted nor renamed here: it
// is on a read-only mount, or is a mount itself.
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
		others = 0 // it cannot be changed here, or the service manager sets it
	}
	return checkMode(path, info.Mode(), others, owner, allowed, fixed)
}
