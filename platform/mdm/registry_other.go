//go:build !windows

package mdm

// Read returns [ErrUnsupported]: there is no registry here.
func (r Registry) Read() ([]Value, error) { return nil, ErrUnsupported }
