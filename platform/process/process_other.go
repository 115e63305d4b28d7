//go:build !linux

package process

import "errors"

// DisableDump does nothing: Windows Error Reporting is the administrator's to
// configure, and keeps no dumps of services unless told to.
func DisableDump() error { return nil }

// FindByName returns [errors.ErrUnsupported]: only Linux is asked.
func FindByName(string) ([]Process, error) { return nil, errors.ErrUnsupported }
