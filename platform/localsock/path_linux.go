package localsock

// DefaultPath is where an installed daemon listens.
const DefaultPath = "/run/regent/agent.sock"
