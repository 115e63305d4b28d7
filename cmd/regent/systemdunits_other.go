//go:build !linux

package main

import (
	"context"
	"errors"
)

// askManager knows of systemd alone.
func askManager(context.Context) ([]unit, error) { return nil, errors.ErrUnsupported }
