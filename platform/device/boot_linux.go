package device

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const bootIDFile = "/proc/sys/kernel/random/boot_id"

func readBoot() (string, func() time.Duration, error) {
	// A sandbox may hide the file. The clock works without it.
	id, err := os.ReadFile(bootIDFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return "", nil, fmt.Errorf("power: boot id: %w", err)
	}
	if _, err := readClock(); err != nil {
		return "", nil, err
	}
	return strings.TrimSpace(string(id)), sinceBoot, nil
}

func readClock() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0, fmt.Errorf("power: CLOCK_BOOTTIME: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// sinceBoot returns the time since boot. readBoot has read the clock once without an error.
// A later error is impossible: the kernel supports the clock.
func sinceBoot() time.Duration {
	d, err := readClock()
	if err != nil {
		panic("[unexpected] the boot clock was there and is gone: " + err.Error())
	}
	return d
}
