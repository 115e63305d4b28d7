//go:build unix && !linux

package process

func forbid() error { return noCore() }
