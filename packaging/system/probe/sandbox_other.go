//go:build !linux

package main

import "errors"

// sandbox is systemd's.
func sandbox(_, _ string) error { return errors.ErrUnsupported }
