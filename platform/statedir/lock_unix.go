//go:build unix

package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"regent/platform/files"
)

// tryLock locks the file for this process. It returns false if another process has the lock.
func tryLock(f *os.File) (bool, error) {
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, err
		}
	}
}

// checkOwner returns an error if another user owns the directory or others may access it.
func checkOwner(path string, i fs.FileInfo) error {
	owner, others, err := files.ModeAccess(i)
	if err != nil {
		return fmt.Errorf("state directory %s: %w", path, err)
	}
	if uid := os.Geteuid(); owner != uid {
		return fmt.Errorf("state directory %s belongs to uid %d, but regentd runs as uid %d; start regentd as the owner. To change the owner for good, run: chown -R %[3]d %[1]s", path, owner, uid)
	}
	if others != 0 {
		return fmt.Errorf("state directory %s has mode %#o, so other users can access it; run: chmod 700 %[1]s", path, i.Mode().Perm())
	}
	return nil
}
