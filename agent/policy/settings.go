// Package policy merges layers of configuration into settings, and remembers the layer
// of each value.
//
// It does no I/O: its input is bytes, not files or registries. The table in table.go defines
// each key once.
package policy

import (
	"maps"
	"slices"
	"time"

	"regent/agent/authz"
)

// Settings is the effective configuration. It does not change; a reload makes a new one.
type Settings struct {
	Tenant                string // normalised base URL without a trailing slash; "" if none is set
	RegistrationTokenFile string // "" if none
	KeepRegistrationToken bool
	Applications          []Application // sorted by ID
	Network               Network
	Refresh               Refresh
	Contract              Contract
	Store                 Store
	Limits                Limits
	Audit                 string // "best_effort" or "required"
	Log                   Log
	MetricsTextfile       string
	Support               Support
	Administration        Administration
}

// Application is one licensed application.
type Application struct {
	ID                    string
	Tenant                string // effective: its own, or the default; normalised
	RegistrationTokenFile string // its own; "" means the tenant's default one
	Instances             int
	InstancesOrigin       string // the place of Instances, or Origin for the default
	Redeem                string // Eager or OnDemand
	Allow                 []authz.Rule
	Origin                string // "/etc/regent/config.d/cad.yaml:2"
}

// Network has the settings for connections to the service.
type Network struct {
	Proxy   string // "" or "system": environment; "none"; or a URL
	CAFile  string // added to the system's
	Timeout time.Duration

	ProxyCredentialsFile string // "" if the proxy needs none
}

// Refresh has the settings for the refresh of auth tokens.
type Refresh struct {
	Mode             string // one of [contract.RefreshModes]
	OnRefreshExpired string // Wait or Redeem
}

// Contract selects forms of the service that the vendor does not document. They can differ
// by tenant. The defaults accept every form of an answer.
type Contract struct {
	BasePath           string // "/token/api/v5"
	Reply              string // one of [contract.ReplyForms]
	AccessTokenName    string // contract.AnyForm, or the name
	RegistrationHeader string // one of [contract.Headers]
	Request            string // one of [contract.RequestForms]
	RequestConfirmed   bool   // a person has confirmed Request; without effect for contract.Auto
}

// Store has the settings for the storage of secrets.
type Store struct {
	Keyring string // "auto", "file", …
	OnClone string // "quarantine", "register_again", "adopt"

	OnUninstall string // "keep", "remove"; the MSI reads it, the daemon does not
}

// Limits bounds the agent's automatic requests.
type Limits struct {
	RedeemUncertainRetries int
	RedeemSplay            time.Duration

	RefreshFloor time.Duration // minimum time between two refreshes of one instance; 0 is no bound
	RefreshRate  int           // maximum number of refreshes that begin in 1 s, for each tenant; 0 is no bound
}

// Log has the settings of the daemon's log.
type Log struct {
	Level  string // "debug", "info", "warn", "error"
	Format string // "text", "json"
}

// Support has the settings of the bundle for support.
type Support struct {
	UserNames bool // the bundle contains names of users and values that may contain one
}

// Administration has the conditions for administrators.
type Administration struct {
	FromContainers          bool
	RootWithoutCapabilities bool
}

// Values of the settings that are words.
const (
	Eager    = "eager"
	OnDemand = "on_demand"

	Wait          = "wait"
	RedeemAgain   = "redeem"
	BestEffort    = "best_effort"
	Required      = "required"
	AutoKeyring   = "auto"
	FileKeyring   = "file"
	Quarantine    = "quarantine"
	RegisterAgain = "register_again"
	AdoptClone    = "adopt"
	Keep          = "keep"
	Remove        = "remove"
	SystemProxy   = "system"
	NoProxy       = "none"
)

// Tenant is one token service and the applications that use it.
type Tenant struct {
	URL          string // as in [Settings.Tenant]
	Applications []Application
}

// ByTenant returns the applications by tenant, sorted by URL and ID. It includes the default
// tenant even if no application uses it: a registration token may come first.
func (s Settings) ByTenant() []Tenant {
	apps := map[string][]Application{}
	if s.Tenant != "" {
		apps[s.Tenant] = nil
	}
	for _, a := range s.Applications {
		apps[a.Tenant] = append(apps[a.Tenant], a)
	}
	tenants := make([]Tenant, 0, len(apps))
	for _, url := range slices.Sorted(maps.Keys(apps)) {
		tenants = append(tenants, Tenant{url, apps[url]})
	}
	return tenants
}
