//go:build !linux

package processes

func named(string) ([]Process, error) { return nil, ErrUnsupported }
