//go:build !linux

package device

const reportsAllResumes = false

// watchResumes reports nothing. A caller that sleeps for at most 30 s of the boot clock
// notices a resume soon enough.
func watchResumes() (<-chan struct{}, func() error, error) {
	return nil, func() error { return nil }, nil
}

// readLocalFacts returns nothing yet. The state is then not bound to the device, and status
// says so.
func readLocalFacts() Facts { return Facts{} }

// cardHardware does not know: the first interface with an address is taken.
func cardHardware(string) (physical, permanent bool) { return false, false }
