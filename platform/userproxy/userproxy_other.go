//go:build !windows

package userproxy

func of(func(string) string) ([]Setting, error) { return nil, ErrUnsupported }
