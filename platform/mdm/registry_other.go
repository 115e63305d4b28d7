//go:build !windows

package mdm

import "context"

// Read returns [ErrUnsupported]: there is no registry here.
func (r Registry) Read() ([]Value, error) { return nil, ErrUnsupported }

// Watch returns [ErrUnsupported]: there is no registry here.
func (r Registry) Watch(context.Context, func()) error { return ErrUnsupported }
