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

// tryLock locks the file for this process, and reports false if another has it.
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

// checkOwner refuses a directory that is another user's or open to others.
func checkOwner(path string, i fs.FileInfo) error {
	owner, others, err := files.ModeAccess(i)
	if err != nil {
		return fmt.Errorf("state directory %s: %w", path, err)
	}
	if uid := os.Geteuid(); owner != uid {
		return fmt.Errorf("state directory %s belongs to uid %d and regentd runs as uid %d; start it as its owner; only if the state is to change hands for good, run: chown -R %[3]d %[1]s", path, owner, uid)
	}
	if others != 0 {
		return fmt.Errorf("state directory %s has mode %#o, so other users can go there; run: chmod 700 %[1]s", path, i.Mode().Perm())
	}
	return nil
}
