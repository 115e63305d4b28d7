package statedir

import (
	"errors"

	"golang.org/x/sys/windows"
)

// IsDiskFull reports whether err means that a disk or a quota is full.
func IsDiskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}
