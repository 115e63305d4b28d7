package device

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// bootKey contains the number of this boot, which Windows increments. "Fast start" resumes
// the kernel of the previous boot: the number and the clock both continue, so they match.
const bootKey = `SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters`

func readBoot() (string, func() time.Duration, error) {
	id, err := bootNumber()
	if err != nil {
		return "", nil, fmt.Errorf(`power: HKLM\%s\BootId: %w`, bootKey, err)
	}
	// The result counts milliseconds of interrupt time, including sleep and hibernation.
	return id, windows.DurationSinceBoot, nil
}

// bootNumber returns "" if the system has no number.
func bootNumber() (_ string, err error) {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, bootKey, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, key.Close()) }()
	n, _, err := key.GetIntegerValue("BootId")
	if errors.Is(err, registry.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return "windows-boot-" + strconv.FormatUint(n, 10), nil
}
