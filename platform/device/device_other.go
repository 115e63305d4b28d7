//go:build !linux

package device

const reportsAllResumes = false

// watchResumes reports nothing. A caller that sleeps at most 30 s of the boot clock notices
// a resume soon enough.
func watchResumes() (<-chan struct{}, func() error, error) {
	return nil, func() error { return nil }, nil
}

// readLocalFacts returns no facts. The state is then not bound to the device, and status
// reports this.
func readLocalFacts() Facts { return Facts{} }

// cardHardware returns false, false: the first interface with an address is chosen.
func cardHardware(string) (physical, permanent bool) { return false, false }
