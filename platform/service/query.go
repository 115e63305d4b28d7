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

// The start types.
const (
	Automatic = "automatic"
	Manual    = "manual"
	Disabled  = "disabled"
)

// Info describes a service in the service manager.
type Info struct {
	State string
	Start string // "" if it is not installed
	PID   int    // 0 if it has no process
	Exit  int    // exit code, the system's or its own; 0 if it did not fail
}

// Query returns the state of any service by its name. Every user may call it: it needs only
// the right to read.
func Query(name string) (Info, error) { return query(name) }
