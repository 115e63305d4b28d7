// Package mdm reads the managed policy of a device, and notices when it changes.
//
// Management systems leave policy files on any system, registry values on Windows, and
// managed preferences on macOS. The package does not know what a value means.
package mdm

import "errors"

// ErrUnsupported says that this system has no such store.
var ErrUnsupported = errors.New("this system has no such store of policy")

// Value is one named value of a store.
type Value struct {
	Name   string
	Source string // the name in full, for people
	// Data is a string, a bool, an int64, a []any, or a map[string]any of those;
	// nil stands for a value of any other kind.
	Data any
}

// maxValues bounds what is read of a store: far more than there are settings.
const maxValues = 2000
