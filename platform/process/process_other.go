//go:build !linux

package process

import "errors"

// DisableDump does nothing. The administrator configures Windows Error Reporting, which
// stores no dumps of services by default.
func DisableDump() error { return nil }

// FindByName returns [errors.ErrUnsupported].
func FindByName(string) ([]Process, error) { return nil, errors.ErrUnsupported }
