//go:build !windows

package userproxy

func of() ([]Setting, error) { return nil, ErrUnsupported }
