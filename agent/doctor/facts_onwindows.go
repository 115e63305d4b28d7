package doctor

// Windows is what only a Windows system has. A part that could not be looked at
// is nil.
type Windows struct {
	Service     *Service      // the daemon's; also nil where another pipe is asked for
	PipeOwner   *PipeOwner    // who serves the pipe; also nil if nobody does, or it is not known
	AccessLists []BroadAccess // of our data and of the pipe; empty if all is well
	TimeService *Service      // what keeps the clock
}

// Service is a service as its manager has it.
type Service struct {
	Name  string
	State string // of [ServiceRunning] and the others
	Start string // of [StartAutomatic] and the others; "" if it is not installed
	PID   int    // of its process; 0 if it has none
	Exit  int    // the code that it ended with; 0 is none
}

// The states of a service that something is concluded from, as the platform's
// room names them; there are others on the way between them.
const (
	ServiceRunning      = "running"
	ServiceEnded        = "stopped"
	ServiceNotInstalled = "not installed"
)

// How a service is started.
const (
	StartAutomatic = "automatic"
	StartManual    = "manual"
	StartDisabled  = "disabled"
)

// PipeOwner is the process that serves the pipe.
type PipeOwner struct {
	PID int
	Exe string // "" if it may not be seen
}

// BroadAccess is something that more people may use than is meant.
type BroadAccess struct {
	Path string
	Who  string // and what they may
	Fix  string // the command that sets it right
}
