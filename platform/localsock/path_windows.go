package localsock

import "regent/platform/layout"

// DefaultPath is where an installed daemon listens.
const DefaultPath = layout.Pipe
