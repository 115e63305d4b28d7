//go:build !windows

package device

func of() ([]Setting, error) { return nil, UserproxyErrUnsupported }
