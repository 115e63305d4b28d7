//go:build unix

package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
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
	st, ok := i.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("[unexpected] state directory %s: the system does not tell its owner", path)
	}
	if uid := os.Geteuid(); int(st.Uid) != uid {
		return fmt.Errorf("state directory %s belongs to uid %d and regentd runs as uid %d; start it as its owner; only if the state is to change hands for good, run: chown -R %[3]d %[1]s", path, st.Uid, uid)
	}
	if mode := i.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("state directory %s has mode %#o, so other users can go there; run: chmod 700 %[1]s", path, mode)
	}
	return nil
}
