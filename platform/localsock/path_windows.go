package localsock

import "regent/platform/windowsnames"

// DefaultPath is where an installed daemon listens.
const DefaultPath = windowsnames.Pipe
