//go:build !linux

package process

import "errors"

// forbidDump does nothing: only Linux has such a call.
func forbidDump() error { return nil }

func findByName(string) ([]Process, error) { return nil, errors.ErrUnsupported }
