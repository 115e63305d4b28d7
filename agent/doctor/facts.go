package doctor

import (
	"time"

	"regent/agent/fault"
	"regent/agent/status"
)

// Facts is all that is known of a device. What could not be found out is nil,
// and then nothing is concluded from it.
type Facts struct {
	Audience Audience
	Client   Client
	Socket   Socket
	Units    []Unit
	Config   *Config // looked at where no daemon answers
	Daemon   *Daemon // as it says of itself; nil if none answers
	Others   []Process
	// Proxies are what the programs of the user who asks go by, also where that is
	// the service's proxy.
	Proxies []Proxy
	// Windows is what only such a system has; nil of any other.
	Windows *Windows
}

// Client is the program that asks.
type Client struct{ Version string }

// Connection says what became of the connection to the daemon.
type Connection string

// What becomes of a connection.
const (
	ConnectionAnswered  Connection = "answered"
	ConnectionNoSocket  Connection = "missing"   // there is no socket
	ConnectionRefused   Connection = "dead"      // nobody listens
	ConnectionForbidden Connection = "forbidden" // this user may not connect
	ConnectionForeign   Connection = "foreign"   // somebody else listens
	ConnectionTimeout   Connection = "silent"    // it does not answer in time
	ConnectionThrottled Connection = "throttled" // it answers that this user asks too often
	ConnectionFailed    Connection = "broken"    // any other failure
)

// Socket is where the daemon should answer.
type Socket struct {
	Path       string
	Connection Connection
	Failure    string // of the failure
	// Closed names what keeps users out: a path and its mode; "" is nothing.
	Closed string
}

// Unit is what the service manager says of one of the package's units.
type Unit struct {
	Name           string
	Active, Result string // systemd's words; Active is [Masked] of one that cannot start
	Exit           int    // status of its main process
	// OtherMachine says that the machine-id was changed after the passphrase of the
	// data key was sealed.
	OtherMachine bool
}

// Proxy is what a program of the user who asks goes by to a host.
type Proxy struct {
	Host  string // of a [ServiceCheck]
	Where string // it is set, in words
	Proxy string // host and port; "" if a script decides, or it has a flaw
	Flaw  string // why what stands there cannot be read, as "has no host"; without a password
}

// Config is what a look at the configuration found, where no daemon reads it.
type Config struct {
	Fatal []string // why no daemon would start with it
}

// Process is a daemon that runs beside the one that answers.
type Process struct {
	PID    int
	Shares string // what it shares with that one: a path
}

// Daemon is what the daemon says of itself and of what it sees.
type Daemon struct {
	PID                int                 `json:"pid"`
	Config             string              `json:"config"`
	StateDir           string              `json:"state_dir"`
	Socket             string              `json:"socket"`
	Audience           Audience            `json:"reader"` // what the caller is to it
	Status             status.Status       `json:"status"`
	Unusable           string              `json:"unusable,omitempty"` // why the store cannot be used: a fault.Kind
	Disk               Disk                `json:"disk"`
	ServiceChecks      []ServiceCheck      `json:"ways"`    // to each tenant, by host
	RegistrationTokens []RegistrationToken `json:"held"`    // registration tokens
	Denials            []Denial            `json:"denials"` // the last ones, of anybody that the reader may know of
}

// Disk is whether the state can be written now.
type Disk struct {
	Full    bool   `json:"full"`
	Failure string `json:"failure,omitempty"` // why not; "" if it can
}

// ServiceCheck is one look at a tenant's service, by the same way as every request.
type ServiceCheck struct {
	Host         string      `json:"host"`
	Proxy        string      `json:"proxy,omitempty"` // host and port; "" is a direct way
	Stage        fault.Stage `json:"step"`
	Failure      string      `json:"failure,omitempty"`
	ProxyStatus  int         `json:"proxy_status,omitempty"` // its answer to CONNECT; 0 if none came
	Status       int         `json:"status,omitempty"`       // HTTP
	ServiceShape bool        `json:"service_shape,omitempty"`
	Issuer       string      `json:"issuer,omitempty"` // of the certificate
	Minted       bool        `json:"minted,omitempty"` // a certificate was made for a name that nobody has
	SkewSeconds  int64       `json:"skew_seconds"`     // service minus device
	Provider     string      `json:"provider,omitempty"`
	// Remembered are the providers that the auth tokens came from, where they
	// are others.
	Remembered []string `json:"remembered,omitempty"`
}

// RegistrationToken is a registration token, without showing it.
type RegistrationToken struct {
	Tenant      string    `json:"tenant"`
	Application string    `json:"application,omitempty"`
	Fingerprint string    `json:"fingerprint,omitempty"` // administrators only
	Refused     string    `json:"refused,omitempty"`     // a fault.Kind
	Message     string    `json:"words,omitempty"`       // of the refusal
	RefusedAt   time.Time `json:"refused_at,omitzero"`
	Pending     int       `json:"unpaid"` // instances that it would be redeemed for
}

// Denial is a refusal of a token.
type Denial struct {
	Application string    `json:"application"`
	User        string    `json:"user,omitempty"` // name or number
	Exe         string    `json:"exe,omitempty"`
	PID         int       `json:"pid"`
	Reason      string    `json:"reason"` // which rules were asked, and why each did not admit
	At          time.Time `json:"at"`
	Times       int       `json:"times"`
}
