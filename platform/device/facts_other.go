//go:build !linux

package device

// readLocalFacts knows nothing yet: the state is then not bound to the device, and
// status says so.
func readLocalFacts() Facts { return Facts{} }
