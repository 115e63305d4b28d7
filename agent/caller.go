package agent

import (
	"regent/agent/authz"
	"regent/agent/lease"
)

// Caller is the local process that asks: what the kernel said of it, and a hold
// of it, so that it can be asked whether it still lives.
type Caller struct {
	authz.Caller
	// Process is the caller, held as long as the connection. Never nil for a
	// caller that the platform identified.
	Process lease.Process
}
