package statedir

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockOffset is the position of the locked byte, far behind the content. Windows denies
// others to read locked bytes, and they must be able to read the holder's PID.
const lockOffset = 1 << 30

// tryLock locks the file for this process. It returns false if another process has the lock.
func tryLock(f *os.File) (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0,
		&windows.Overlapped{Offset: lockOffset})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return false, nil
	}
	return false, err
}
