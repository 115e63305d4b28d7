//go:build linux || darwin

package device

import (
	"time"

	"golang.org/x/sys/unix"
)

func readClock(id int32) (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}

// clockSince returns a clock that was read once without an error. The kernel
// does not refuse it later: it only could if it did not know the clock.
func clockSince(id int32) func() time.Duration {
	return func() time.Duration {
		d, err := readClock(id)
		if err != nil {
			panic("[unexpected] power: the boot clock was there and is gone: " + err.Error())
		}
		return d
	}
}
