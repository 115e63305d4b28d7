//go:build unix

package tokenfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// open opens path for reading. It follows no symbolic link at its end, and does
// not wait for the other end of a pipe.
func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0) //nolint:gosec // the configured path
}

func isSymlink(err error) bool {
	return errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) // FreeBSD says EMLINK
}

func checkAccess(path string, _ *os.File, info fs.FileInfo, owners []int) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return refuse(path, errors.New("its owner is unknown [unexpected]"))
	}
	return checkMode(path, info.Mode(), int(st.Uid), append([]int{os.Geteuid()}, owners...))
}
