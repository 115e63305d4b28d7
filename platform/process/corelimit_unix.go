//go:build unix

package process

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// disableDump forbids both: a dump that is piped to a program does not heed the limit.
func disableDump() error { return errors.Join(forbidDump(), disableCore()) }

// disableCore sets the limit unless it is set: a service manager may have done so and
// forbidden the call.
func disableCore() error {
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &now); err == nil && now.Max == 0 {
		return nil
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("set the limit of core dumps to 0: %w", err)
	}
	return nil
}
