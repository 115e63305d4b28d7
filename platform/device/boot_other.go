//go:build !linux && !darwin && !windows

package power

import "time"

func boot() (string, func() time.Duration, error) { return "", nil, ErrUnsupported }
