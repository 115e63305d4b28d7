//go:build !linux

package process

import "errors"

func forbidDump() error { return nil }

func findByName(string) ([]Process, error) { return nil, errors.ErrUnsupported }
