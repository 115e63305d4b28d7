//go:build unix && !linux

package nodump

func forbid() error { return noCore() }
