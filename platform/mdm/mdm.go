// Package mdm reads the managed policy of a device.
//
// Management systems write policy files on any system, and registry values on Windows. The
// package does not interpret the values.
package mdm

// Value is one named value.
type Value struct {
	Name   string
	Source string // the full name, for messages
	// Data is a string, a bool, an int64, a []any, or a map[string]any of those. It is nil
	// for a value of any other kind.
	Data any
}
