//go:build !linux && !darwin && !windows

package device

import (
	"errors"
	"time"
)

func boot() (string, func() time.Duration, error) { return "", nil, errors.ErrUnsupported }
