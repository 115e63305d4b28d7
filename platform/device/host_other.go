//go:build !linux

package device

// hardware does not know: the first interface with an address is taken.
func hardware(string) (physical, permanent bool) { return false, false }
