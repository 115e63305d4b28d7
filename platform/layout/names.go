package layout

// Product is the name for users. Folders and keys have this name.
const Product = "Regent"

// Publisher is shown with [Product] in installed files.
const Publisher = "the authors of Regent"

// Pipe is the address of an installed daemon.
const Pipe = `\\.\pipe\regent`

// The keys below HKEY_LOCAL_MACHINE, in the 64-bit view. After a change, values under the
// old name have no effect.
const (
	InstallerKey = `SOFTWARE\Regent`          // the installer's answers
	PolicyKey    = `SOFTWARE\Policies\Regent` // the organization's policy
	EventLogKey  = `SYSTEM\CurrentControlSet\Services\EventLog\Application\` + EventSource
)

// The folders and files of an installation.
const (
	ProgramFolder         = "Regent" // below Program Files
	DataFolder            = "Regent" // below ProgramData, from the known folder, never from the environment
	ConfigFile            = "config.yaml"
	ConfigFolder          = "config.d"
	StateFolder           = "state"
	SetupFile             = "20-setup.yaml" // in ConfigFolder, of regent setup; read after the installer's answers
	RegistrationTokenFile = "registration-token"
)

// DefaultProgramData is the default path of ProgramData. Examples use it, and the programs
// use it if Windows does not return the path.
const DefaultProgramData = `C:\ProgramData`

// The programs.
const (
	Daemon        = "regentd"
	Client        = "regent"
	Administrator = "tmsctl"
)

// Describe returns the description in the properties of a program's file, "" for another
// name.
func Describe(program string) string {
	return map[string]string{
		Daemon:        "Regent token agent",
		Client:        "Regent command line",
		Administrator: "Regent administration of registration tokens",
	}[program]
}

// The event log source. The message is the whole text, through the message file that comes
// with Windows.
const (
	EventSource      = Service
	EventMessageFile = `%SystemRoot%\System32\EventCreate.exe`
	EventTypes       = 7 // error, warning and information
)

// The identifiers of events. There is one for each level.
const (
	EventInfo    = 1
	EventWarning = 2
	EventError   = 3
)
