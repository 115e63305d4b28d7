package device

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

func readBoot() (string, func() time.Duration, error) {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return "", nil, fmt.Errorf("power: kern.bootsessionuuid: %w", err)
	}
	// Of this system's clocks CLOCK_MONOTONIC_RAW goes on during sleep and is not
	// slewed; CLOCK_UPTIME_RAW stands still.
	if _, err := readClock(unix.CLOCK_MONOTONIC_RAW); err != nil {
		return "", nil, fmt.Errorf("power: CLOCK_MONOTONIC_RAW: %w", err)
	}
	return id, clockSince(unix.CLOCK_MONOTONIC_RAW), nil
}
