//go:build !windows

package mdm

import "context"

// Read returns [ErrNoProxySettings]: there is no registry here.
func (r Registry) Read() ([]Value, error) { return nil, ErrUnsupported }

// Watch returns [ErrNoProxySettings]: there is no registry here.
func (r Registry) Watch(context.Context, func()) error { return ErrUnsupported }
