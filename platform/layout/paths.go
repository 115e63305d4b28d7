// Package layout has the names, paths, flags and access lists of an installation.
//
// The programs, the MSI and the documentation take them from here. Most are data
// that can be read on any system, so tests compare them without Windows. The
// package does not check whether a path exists.
package layout

// Paths are the places that the daemon and its clients agree on. Each of them
// can be overridden by a flag.
type Paths struct {
	Config            string // the configuration file
	ConfigDir         string // of drop-ins
	PolicyDir         string // of managed policy; "" where policy is no files
	RegistrationToken string // the file that a registration token may be put into
	StateDir          string // of the sealed state
	Socket            string // of the local interface; on Windows a named pipe
}

// DefaultPaths returns this system's places.
func DefaultPaths() Paths { return defaults() }
