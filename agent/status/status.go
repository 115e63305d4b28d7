// Package status has the status of the agent as one value, and its metrics.
//
// The JSON is wire format (GET /v1/status and regent status --json). It contains no
// secret. The package does not collect the values.
package status

import (
	"fmt"
	"iter"
	"strings"
	"time"
)

// Status is a snapshot of the agent.
type Status struct {
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
	Now       time.Time `json:"now"`
	Health    Health    `json:"health"`
	Summary   string    `json:"summary"` // the state and the next step, in a few sentences
	// ConfigFile is the configuration file that the daemon reads, as an absolute path. It
	// may not exist.
	ConfigFile string `json:"config_file,omitempty"`
	// CanServeUntil is the time when the first current access token expires, if the
	// service stays unreachable; nil without one.
	CanServeUntil *time.Time `json:"can_serve_until,omitempty"`
	// Counts are the counts that this device used, by its ledger; nil if the ledger
	// cannot be read.
	Counts *Counts `json:"counts,omitempty"`
	// FQDN has the device's name at the service; nil before its first redemption.
	FQDN         *FQDN         `json:"fqdn,omitempty"`
	Store        Store         `json:"store"`
	Tenants      []Tenant      `json:"tenants"`
	Applications []Application `json:"applications"`
	Problems     []Problem     `json:"problems"`
}

// Instances yields every instance with its application, in order.
func (s Status) Instances() iter.Seq2[Application, Instance] {
	return func(yield func(Application, Instance) bool) {
		for _, a := range s.Applications {
			for _, i := range a.Instances {
				if !yield(a, i) {
					return
				}
			}
		}
	}
}

// FQDN is the name of this device at the service, and its name today. The service
// keeps the name of the first redemption, so its administrator sees one device.
type FQDN struct {
	Registered string `json:"registered"`
	// Current is the device's name at the start of the daemon, the last redemption or the
	// last diagnosis, whichever was later.
	Current string `json:"now"`
}

// Differs reports whether the device has another name today.
func (f *FQDN) Differs() bool {
	return f != nil && f.Current != "" && !strings.EqualFold(f.Registered, f.Current)
}

// Counts are counts of registration tokens.
type Counts struct {
	Confirmed int `json:"confirmed"` // an auth token came, or a person found the count used
	Uncertain int `json:"uncertain"` // may have been used; a person decides
}

// Health is the state of the agent in one word.
type Health string

// The healths. The exit codes of regent status are 0, 5, 6 and 7.
const (
	Serving    Health = "serving"     // every instance has a valid access token, or can get one
	Waiting    Health = "waiting"     // no auth token yet; a registration token is needed
	Degraded   Health = "degraded"    // some have one, or all have one and a person must act
	NotServing Health = "not_serving" // none has one
)

// Unknown is the state of each instance while the store cannot be used.
const Unknown = "unknown"

// Store is the state of the sealed store.
type Store struct {
	State  string `json:"state"`            // a store.State
	Guard  string `json:"guard"`            // the protection of the data key: "file", …
	Detail string `json:"detail,omitempty"` // explains Guard, or the problem
}

// Tenant is one token service.
type Tenant struct {
	Host              string             `json:"host"`
	Reachable         string             `json:"reachable"` // "yes", "no", "unknown": as of the last request
	LastFault         *Fault             `json:"last_fault,omitempty"`
	ClockSkewSeconds  int64              `json:"clock_skew_seconds"` // service minus device; 0 if unknown
	RegistrationToken *RegistrationToken `json:"registration_token,omitempty"`
	// SessionsEndSeconds is the time after which the service ends every session, as this
	// device saw; 0 if it saw no end. Only offline tokens, which have no session, can be
	// refreshed for longer.
	SessionsEndSeconds int64    `json:"sessions_end_after_seconds,omitempty"`
	Refresh            *Refresh `json:"refresh,omitempty"` // nil without an auth token and a refresh
	Limited            *Limited `json:"limited,omitempty"` // nil without an active limit
	// RequestForm is the form of redemption requests; nil until one was accepted.
	RequestForm *RequestForm `json:"request_form,omitempty"`
}

// RequestForm is a form of redemptions that a tenant accepted.
type RequestForm struct {
	Form       string `json:"form"`                 // "wrapped", "bare"
	Proof      string `json:"proof"`                // a tms.Proof: "accepted" (unconfirmed), "reply", "person", "release", "ignored"
	Redemption string `json:"redemption,omitempty"` // the redemption that showed it; administrators only
}

// Refresh describes the refreshes of a tenant's auth tokens.
type Refresh struct {
	Configured string     `json:"configured"`          // refresh.mode
	Mode       string     `json:"mode,omitempty"`      // the mode that has worked: oidc, tms or tms_registration; "" if none has
	WorkedAt   *time.Time `json:"worked_at,omitempty"` // its first success; nil without one
	Uncertain  string     `json:"uncertain,omitempty"` // why the mode is uncertain; "" if it is not
	Instances  []string   `json:"instances,omitempty"` // the affected instances, if the mode is uncertain
}

// Text names the refresh mode for people: "Keycloak (worked 2026-11-29 21:05 UTC)".
func (r Refresh) Text() string {
	switch {
	case r.Uncertain != "" && r.Mode != "":
		return fmt.Sprintf("uncertain with refresh.mode: %s; %s worked before (%s)", r.Configured, ModeText(r.Mode), r.workedAtText())
	case r.Uncertain != "":
		return "uncertain: the service refuses, and no refresh mode has worked yet; Regent keeps the auth tokens and retries"
	case r.Mode != "":
		return fmt.Sprintf("%s (worked %s)", ModeText(r.Mode), r.workedAtText())
	}
	return "not known until a refresh works"
}

func (r Refresh) workedAtText() string {
	if r.WorkedAt == nil {
		return "at an unknown time"
	}
	return r.WorkedAt.UTC().Format("2006-01-02 15:04 UTC")
}

// ModeText names a refresh mode for people.
func ModeText(mode string) string {
	switch mode {
	case "oidc":
		return "Keycloak"
	case "tms":
		return "Token Management Service (PATCH)"
	case "tms_registration":
		return "Token Management Service (PATCH with the registration token)"
	}
	return mode
}

// Limited has the limits that delay refreshes of a tenant now.
type Limited struct {
	// FloorSeconds is limits.refresh_floor, if an instance would refresh more often
	// without it; otherwise 0. LifeSeconds is then the shortest lifetime that the service
	// issued.
	FloorSeconds int64 `json:"refresh_floor_seconds,omitempty"`
	LifeSeconds  int64 `json:"life_seconds,omitempty"`
	RefreshToken bool  `json:"of_refresh_token,omitempty"` // LifeSeconds is of a refresh token, not of an access token
	Rate         int   `json:"refresh_rate,omitempty"`     // limits.refresh_rate, if a refresh waited for it in the last minute; otherwise 0
}

// Tokens names the tokens with the lifetime LifeSeconds.
func (l *Limited) Tokens() string {
	if l.RefreshToken {
		return "refresh tokens"
	}
	return "access tokens"
}

// LifeText returns their lifetime: "lifetime of access tokens: 3 s".
func (l *Limited) LifeText() string {
	if l.LifeSeconds < 1 {
		return fmt.Sprintf("lifetime of %s: less than 1 s", l.Tokens())
	}
	return fmt.Sprintf("lifetime of %s: %d s", l.Tokens(), l.LifeSeconds)
}

// Interrupts reports whether tokens expire before the floor allows the next refresh. Their
// instances then have interruptions. A nil l does not interrupt.
func (l *Limited) Interrupts() bool {
	return l != nil && l.FloorSeconds > 0 && l.LifeSeconds <= l.FloorSeconds
}

// RegistrationToken describes a stored registration token, without its text.
type RegistrationToken struct {
	Fingerprint string    `json:"fingerprint,omitempty"` // as by [token.Fingerprint]; administrators only
	Source      string    `json:"source"`                // "file /etc/regent/registration-token", "regent register by alice"
	ReceivedAt  time.Time `json:"received_at"`
}

// Application is one configured application.
type Application struct {
	ID        string     `json:"id"`
	Tenant    string     `json:"tenant"`
	Rules     int        `json:"rules"`               // 0: every request is denied
	OnDemand  bool       `json:"on_demand,omitempty"` // redeemed at the first request
	Instances []Instance `json:"instances"`
}

// Instance is one instance of an application. Only administrators and the holder see Holder
// and the fields from NextRefresh to RedeemAsked. Only administrators see LastHolder.
type Instance struct {
	Name        string     `json:"instance"` // "cad/1"
	State       string     `json:"state"`    // an instance.State, or Unknown
	Since       time.Time  `json:"since"`
	Generation  uint64     `json:"generation"`
	Leased      bool       `json:"leased"`
	Holder      *Holder    `json:"holder,omitempty"`
	LastHolder  *Holder    `json:"last_holder,omitempty"` // had the lease until it ended; nil while the instance is leased
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
	ExpiresIn   int64      `json:"expires_in"` // seconds; 0 without a valid access token
	NextRefresh *time.Time `json:"next_refresh_at,omitempty"`
	AuthTokenID string     `json:"auth_token_id,omitempty"`
	Identifier  string     `json:"identifier,omitempty"` // in the Contact Administrator's list
	LastFault   *Fault     `json:"last_fault,omitempty"`
	RedeemAsked bool       `json:"redeem_asked,omitempty"` // a person asked to redeem it again
}

// Holder is the process or unit that leases an instance.
type Holder struct {
	PID  int    `json:"pid"`  // 0 for a unit
	User string `json:"user"` // of a unit "unit cad.service"
	Exe  string `json:"exe,omitempty"`
}

// Text names the holder for people: its unit, or user, process and program.
func (h Holder) Text() string {
	switch unit, is := strings.CutPrefix(h.User, "unit "); {
	case h.PID == 0 && is:
		return unit
	case h.PID == 0: // of another PID namespace
		return h.User
	case h.Exe == "":
		return fmt.Sprintf("%s, pid %d", h.User, h.PID)
	}
	return fmt.Sprintf("%s, pid %d (%s)", h.User, h.PID, h.Exe)
}

// Fault is the last failure.
type Fault struct {
	Code   string    `json:"code"` // a fault.Kind
	Detail string    `json:"detail"`
	At     time.Time `json:"at"`
}

// Problem is a problem that an administrator should correct.
type Problem struct {
	Source string `json:"source"` // file:line, key or host
	Detail string `json:"detail"`
}
