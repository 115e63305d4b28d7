//go:build unix && !linux

package process

func disableDump() error { return disableCore() }
