// Package paths knows where things are on each system when nobody says
// otherwise. It only names places: it must not look whether they are there.
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
