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
	// A sandbox may hide the file; the clock is good without it.
	id, err := os.ReadFile(bootIDFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return "", nil, fmt.Errorf("power: boot id: %w", err)
	}
	if _, err := readClock(unix.CLOCK_BOOTTIME); err != nil {
		return "", nil, fmt.Errorf("power: CLOCK_BOOTTIME: %w", err)
	}
	return strings.TrimSpace(string(id)), clockSince(unix.CLOCK_BOOTTIME), nil
}
