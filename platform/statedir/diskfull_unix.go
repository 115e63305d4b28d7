//go:build unix

package statedir

import (
	"errors"

	"golang.org/x/sys/unix"
)

// IsDiskFull reports whether err means that a disk or a quota is full.
func IsDiskFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
