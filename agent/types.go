package agent

import (
	"time"

	"regent/agent/status"
	"regent/agent/token"
)

// TokenRequest asks for an access token.
type TokenRequest struct {
	Application string
	Instance    string        // "1"; "" leases a free one
	MinTTL      time.Duration // wanted; a token with less is refreshed first
	Wait        time.Duration // how long to wait for MinTTL
}

// Grant is an access token, handed out.
type Grant struct {
	Access      token.Secret
	ExpiresIn   time.Duration // above 0
	ExpiresAt   time.Time
	Application string
	Instance    string // "cad/1"
	Tenant      string // base URL
	Generation  uint64
}

// Registration brings a registration token.
type Registration struct {
	Token       token.Secret
	Tenant      string        // "" is the configured one
	Application string        // "" is the tenant's default
	Source      string        // "file /etc/regent/registration-token", "credential", "regent register"
	Manual      bool          // a person gave it by hand
	Wait        time.Duration // how long to wait for the redemptions it allows
}

// RegisterResult says what became of a registration token.
type RegisterResult struct {
	Tenant      string // host
	Fingerprint string
	Stored      bool // sealed; false if nothing is left for it to pay for
	Instances   []status.Instance
}
