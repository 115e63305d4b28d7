package device

import (
	"errors"
	"time"
)

func readBoot() (string, func() time.Duration, error) {
	return "", nil, errors.New("power: macOS is not supported")
}
