// Package mdm reads the managed policy of a device.
//
// Management systems leave policy files on any system, and registry values on Windows.
// The package does not know what a value means.
package mdm

// Value is one named value of a store.
type Value struct {
	Name   string
	Source string // the name in full, for people
	// Data is a string, a bool, an int64, a []any, or a map[string]any of those;
	// nil stands for a value of any other kind.
	Data any
}
