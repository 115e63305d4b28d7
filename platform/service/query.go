package service

// The states that [Query] names.
const (
	NotInstalled = "not installed"
	Stopped      = "stopped"
	Starting     = "starting"
	Running      = "running"
	Stopping     = "stopping"
	Paused       = "paused"
)

// How a service is started.
const (
	Automatic = "automatic"
	Manual    = "manual"
	Disabled  = "disabled"
)

// Info is a service as its manager has it.
type Info struct {
	State string
	Start string // "" if it is not installed
	PID   int    // of its process; 0 if it has none
	Exit  int    // what it ended with, the system's number or its own; 0 if it did not fail
}

// Query asks for any service by its name. Every user may: it takes no right but
// to look.
func Query(name string) (Info, error) { return query(name) }
