//go:build !linux

package process

func named(string) ([]Process, error) { return nil, ErrUnsupported }
