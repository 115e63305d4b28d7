package doctor

import (
	"time"

	"regent/agent/fault"
	"regent/agent/status"
)

// Facts has the known facts of a device. An unknown fact is nil. No check uses it.
type Facts struct {
	Audience Audience
	Client   Client
	Socket   Socket
	Units    []Unit
	Config   *Config // checked only if no daemon answers
	Daemon   *Daemon // nil if none answers
	Others   []Process
	// Proxies are the proxies of the programs of the user who asks. The service may use
	// the same proxy.
	Proxies []Proxy
	// Windows has the facts of a Windows system; nil on others.
	Windows *Windows
}

// Client is the program that runs the checks.
type Client struct{ Version string }

// Connection is the outcome of a connection to the daemon.
type Connection string

// The outcomes of a connection.
const (
	ConnectionAnswered  Connection = "answered"
	ConnectionNoSocket  Connection = "missing"   // there is no socket
	ConnectionRefused   Connection = "dead"      // no listener
	ConnectionForbidden Connection = "forbidden" // this user may not connect
	ConnectionForeign   Connection = "foreign"   // the listener is not trusted
	ConnectionTimeout   Connection = "silent"    // no answer in time
	ConnectionThrottled Connection = "throttled" // this user sends too many calls
	ConnectionFailed    Connection = "broken"    // any other failure
)

// Socket is the daemon's socket.
type Socket struct {
	Path       string
	Connection Connection
	Failure    string // text of the failure
	// Closed names a path and its mode that block users; "" if none does.
	Closed string
}

// Unit is a unit of the package, as the service manager reports it.
type Unit struct {
	Name           string
	Active, Result string // systemd's words; Active is [Masked] for a masked unit
	Exit           int    // exit status of its main process
	// OtherMachine: the machine-id was changed after the passphrase of the data key was
	// sealed.
	OtherMachine bool
}

// Proxy is the proxy of a user's programs to a host.
type Proxy struct {
	Host  string // of a [ServiceCheck]
	Where string // the place that sets it, in words
	Proxy string // host and port; "" if a script decides, or it has a flaw
	Flaw  string // why the value is invalid, such as "has no host"; without a password
}

// Config is the result of a check of the configuration, if no daemon answers.
type Config struct {
	Fatal []string // reasons why a daemon would not start
}

// Process is another running daemon.
type Process struct {
	PID    int
	Shares string // a path that both use
}

// Daemon has the facts from the daemon.
type Daemon struct {
	PID                int                 `json:"pid"`
	Config             string              `json:"config"`
	StateDir           string              `json:"state_dir"`
	Socket             string              `json:"socket"`
	Audience           Audience            `json:"reader"` // the caller's role
	Status             status.Status       `json:"status"`
	Unusable           string              `json:"unusable,omitempty"` // why the store cannot be used: a fault.Kind
	Disk               Disk                `json:"disk"`
	ServiceChecks      []ServiceCheck      `json:"service_checks"`      // one for each tenant, by host
	RegistrationTokens []RegistrationToken `json:"registration_tokens"` // without the tokens themselves
	Denials            []Denial            `json:"denials"`             // the last ones that the reader may see
}

// Disk says whether the daemon can write its state.
type Disk struct {
	Full    bool   `json:"full"`
	Failure string `json:"failure,omitempty"` // "" if it can write
}

// ServiceCheck is a check of the connection to a tenant's service. It uses the same proxy
// and settings as every request.
type ServiceCheck struct {
	Host         string      `json:"host"`
	Proxy        string      `json:"proxy,omitempty"` // host and port; "" is a direct connection
	Stage        fault.Stage `json:"step"`
	Failure      string      `json:"failure,omitempty"`
	ProxyStatus  int         `json:"proxy_status,omitempty"` // its answer to CONNECT; 0 if none came
	Status       int         `json:"status,omitempty"`       // HTTP
	ServiceShape bool        `json:"service_shape,omitempty"`
	Issuer       string      `json:"issuer,omitempty"` // of the certificate
	Minted       bool        `json:"minted,omitempty"` // the server made a certificate for a name that does not exist
	SkewSeconds  int64       `json:"skew_seconds"`     // service minus device
	Provider     string      `json:"provider,omitempty"`
	// Remembered are the providers of the auth tokens that are not Provider.
	Remembered []string `json:"remembered,omitempty"`
}

// RegistrationToken describes a registration token, without its text.
type RegistrationToken struct {
	Tenant      string    `json:"tenant"`
	Application string    `json:"application,omitempty"`
	Fingerprint string    `json:"fingerprint,omitempty"` // administrators only
	Refused     string    `json:"refused,omitempty"`     // a fault.Kind
	Message     string    `json:"message,omitempty"`     // of the refusal
	RefusedAt   time.Time `json:"refused_at,omitzero"`
	Pending     int       `json:"pending_instances"` // instances that need it
}

// Denial is a denied request for a token.
type Denial struct {
	Application string    `json:"application"`
	User        string    `json:"user,omitempty"` // name or number
	Exe         string    `json:"exe,omitempty"`
	PID         int       `json:"pid"`
	Reason      string    `json:"reason"` // each rule, and why it did not admit
	At          time.Time `json:"at"`
	Times       int       `json:"times"`
}
