//go:build !linux

package device

const reportsAllResumes = false

// watchResumes tells of nothing: who sleeps for at most half a minute of the boot clock
// hears soon enough.
func watchResumes() (<-chan struct{}, func() error, error) {
	return nil, func() error { return nil }, nil
}

// readLocalFacts knows nothing yet: the state is then not bound to the device, and
// status says so.
func readLocalFacts() Facts { return Facts{} }

// cardHardware does not know: the first interface with an address is taken.
func cardHardware(string) (physical, permanent bool) { return false, false }
