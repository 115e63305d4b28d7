package layout

// Product is what people call it. Folders and keys are named after it.
const Product = "Regent"

// Publisher stands in what is installed beside [Product].
const Publisher = "the authors of Regent"

// Pipe is where an installed daemon listens.
const Pipe = `\\.\pipe\regent`

// The keys below HKEY_LOCAL_MACHINE, in the 64-bit view. Changing one orphans
// what was set under the old name.
const (
	InstallerKey = `SOFTWARE\Regent`          // the installer's answers
	PolicyKey    = `SOFTWARE\Policies\Regent` // the organisation's policy
	EventLogKey  = `SYSTEM\CurrentControlSet\Services\EventLog\Application\` + EventSource
)

// The folders of an installed system and what is in them.
const (
	ProgramFolder         = "Regent" // below Program Files
	DataFolder            = "Regent" // below ProgramData, by the known folder and never by the environment
	ConfigFile            = "config.yaml"
	ConfigFolder          = "config.d"
	StateFolder           = "state"
	RegistrationTokenFile = "registration-token"
)

// DefaultProgramData is where ProgramData is unless somebody moved it: what examples
// name, and where to look if the system does not say.
const DefaultProgramData = `C:\ProgramData`

// The programs, and what each is in the properties of its file.
const (
	Daemon        = "regentd"
	Client        = "regent"
	Administrator = "tmsctl"
)

// Describe returns one line about a program; "" if it is none of ours.
func Describe(program string) string {
	return map[string]string{
		Daemon:        "Regent token agent",
		Client:        "Regent command line",
		Administrator: "Regent administration of registration tokens",
	}[program]
}

// The event log source. Its messages are the text itself, by the message file
// that comes with every Windows.
const (
	EventSource      = Service
	EventMessageFile = `%SystemRoot%\System32\EventCreate.exe`
	EventTypes       = 7 // error, warning and information
)

// The identifiers of events: one for each level, since the text says the rest.
const (
	EventInfo    = 1
	EventWarning = 2
	EventError   = 3
)
