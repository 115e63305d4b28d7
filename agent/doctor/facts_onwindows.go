package doctor

// Windows has the facts of a Windows system. An unknown fact is nil.
type Windows struct {
	Service     *Service      // regentd; nil also for another pipe than the installed one
	PipeOwner   *PipeOwner    // the process with the pipe; nil also if there is none
	AccessLists []BroadAccess // of Regent's files and the pipe; empty without a problem
	TimeService *Service      // sets the clock
}

// Service is a service, as the service manager reports it.
type Service struct {
	Name  string
	State string // such as [ServiceRunning]
	Start string // such as [StartAutomatic]; "" if it is not installed
	PID   int    // 0 if it does not run
	Exit  int    // exit code; 0 if none
}

// The states of a service that the checks use. platform/service has others.
const (
	ServiceRunning      = "running"
	ServiceEnded        = "stopped"
	ServiceNotInstalled = "not installed"
)

// The start types of a service.
const (
	StartAutomatic = "automatic"
	StartManual    = "manual"
	StartDisabled  = "disabled"
)

// PipeOwner is the process that has the pipe.
type PipeOwner struct {
	PID int
	Exe string // "" if this user may not see it
}

// BroadAccess is a path with permissions that are too broad.
type BroadAccess struct {
	Path string
	Who  string // the users and their rights
	Fix  string // the command that corrects it
}
