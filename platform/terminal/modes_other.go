//go:build !linux && !darwin && !windows

package terminal

import "errors"

func hide(int) (func() error, error) { return nil, errors.ErrUnsupported }
