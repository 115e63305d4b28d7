//go:build !linux

package main

import (
	"context"
	"errors"

	"regent/agent/doctor"
)

// askManager knows of systemd alone.
func askManager(context.Context) ([]doctor.Unit, error) { return nil, errors.ErrUnsupported }
