//go:build !linux

package process

func findByName(string) ([]Process, error) { return nil, ErrUnsupported }
