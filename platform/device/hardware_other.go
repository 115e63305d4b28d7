//go:build !linux

package device

// cardHardware does not know: the first interface with an address is taken.
func cardHardware(string) (physical, permanent bool) { return false, false }
