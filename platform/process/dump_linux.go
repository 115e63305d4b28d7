package process

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func disableDump() error {
	// A dump that is piped to a program does not heed the limit, so both.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid dumps of memory: %w", err)
	}
	return disableCore()
}
