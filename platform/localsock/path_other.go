//go:build !linux && !windows

package localsock

// DefaultPath is where an installed daemon listens.
const DefaultPath = "/var/run/regent/agent.sock"
