// Package layout has the names, paths, flags and access lists of an installation.
//
// The programs, the MSI and the documentation take them from here. Most are constants for
// any system, so tests compare them without Windows. The package does not check whether a
// path exists.
package layout

// Paths are the paths that the daemon and its clients use. A flag can override each of
// them.
type Paths struct {
	Config            string // the configuration file
	ConfigDir         string // the directory of drop-ins
	PolicyDir         string // the directory of managed policy; "" if policy is not in files
	RegistrationToken string // the file for a registration token
	StateDir          string // the directory of the sealed state
	Socket            string // the local interface; on Windows a named pipe
}

// DefaultPaths returns the paths of this system.
func DefaultPaths() Paths { return defaults() }
