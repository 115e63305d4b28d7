//go:build !linux

package main

import "errors"

// sandbox is systemd's.
func sandbox(string) error { return errors.ErrUnsupported }
