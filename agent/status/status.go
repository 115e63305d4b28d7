// Package status has the status of the agent as one value, and its metrics.
//
// The JSON is wire format (GET /v1/status and regent status --json). It contains no
// secret. The package does not know how a value is found out.
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
	Summary   string    `json:"summary"` // one sentence: what is, and what to do next
	// CanServeUntil is when the first access token ends that is served now, if
	// the service is not reached until then; nil if nothing is served.
	CanServeUntil *time.Time `json:"can_serve_until,omitempty"`
	// Counts are those that this device used, by its ledger; nil if that cannot
	// be read.
	Counts *Counts `json:"counts,omitempty"`
	// FQDN is how the service knows this device; nil before its first redemption.
	FQDN         *FQDN         `json:"fqdn,omitempty"`
	Store        Store         `json:"store"`
	Tenants      []Tenant      `json:"tenants"`
	Applications []Application `json:"applications"`
	Problems     []Problem     `json:"problems"`
}

// Instances yields every instance with its application, in their order.
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
	Registered string `json:"told"`
	// Current is what the device is called: as of the start of the daemon, its last
	// redemption or its last diagnosis, whichever was later.
	Current string `json:"now"`
}

// Differs reports whether the device is called otherwise today.
func (f *FQDN) Differs() bool {
	return f != nil && f.Current != "" && !strings.EqualFold(f.Registered, f.Current)
}

// Counts are counts of registration tokens.
type Counts struct {
	Confirmed int `json:"confirmed"` // an auth token was bought, or a person found the count used
	Uncertain int `json:"uncertain"` // may have been used; a person decides
}

// Health is the state of the whole in one word.
type Health string

// The healths. Exit codes of regent status follow them: 0, 5, 6 and 7.
const (
	Serving    Health = "serving"     // every declared instance can be served
	Waiting    Health = "waiting"     // no auth token yet; a registration token is needed
	Degraded   Health = "degraded"    // some can be served, or all and something needs a person
	NotServing Health = "not_serving" // none can be served
)

// Unknown is the state of an instance of which nothing can be read.
const Unknown = "unknown"

// Store says how the secrets are kept.
type Store struct {
	State  string `json:"state"`            // a store.State
	Guard  string `json:"guard"`            // what guards the data key: "file", …
	Detail string `json:"detail,omitempty"` // what that means, or what is wrong
}

// Tenant is one token service.
type Tenant struct {
	Host              string             `json:"host"`
	Reachable         string             `json:"reachable"` // "yes", "no", "unknown": as of the last request
	LastFault         *Fault             `json:"last_fault,omitempty"`
	ClockSkewSeconds  int64              `json:"clock_skew_seconds"` // service minus device; 0 if unknown
	RegistrationToken *RegistrationToken `json:"registration_token,omitempty"`
	// SessionsEndSeconds is after how long the service ends its sessions, whatever
	// is done, as a device saw; 0 if it saw no end. Only offline tokens, which have
	// no session, are refreshed for longer.
	SessionsEndSeconds int64    `json:"sessions_end_after_seconds,omitempty"`
	Refresh            *Refresh `json:"refresh,omitempty"` // nil if no auth token is held and none was refreshed
	Limited            *Limited `json:"limited,omitempty"` // nil if no limit acts
	// RequestForm is the form in which redemptions tell the service of this device;
	// nil as long as none was accepted.
	RequestForm *RequestForm `json:"request_form,omitempty"`
}

// RequestForm is a form of redemptions that a tenant accepted.
type RequestForm struct {
	Form       string `json:"form"`                 // "wrapped", "bare"
	Proof      string `json:"proof"`                // a tms.Proof: "accepted" (unconfirmed), "reply", "person", "release", "ignored"
	Redemption string `json:"redemption,omitempty"` // that showed it; to administrators only
}

// Refresh says how the auth tokens of a tenant are refreshed.
type Refresh struct {
	Configured string     `json:"configured"`          // refresh.mode
	Mode       string     `json:"mode,omitempty"`      // in which a refresh has worked: oidc, tms or tms_registration; "" if none has yet
	WorkedAt   *time.Time `json:"worked_at,omitempty"` // when it worked first; nil if none has
	Uncertain  string     `json:"uncertain,omitempty"` // why it is uncertain how to refresh; "" if it is not
	Instances  []string   `json:"instances,omitempty"` // that this concerns, if it is uncertain
}

// Text names the way of refreshing for people: "Keycloak (worked 2026-11-29 21:05 UTC)".
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

// ModeText names a mode of refreshing for people.
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

// Limited says which limits keep refreshes of a tenant waiting now.
type Limited struct {
	// FloorSeconds is limits.refresh_floor, where an instance would be refreshed more
	// often without it; 0 if none would. LifeSeconds is then the shortest life that
	// the service handed out.
	FloorSeconds int64 `json:"refresh_floor_seconds,omitempty"`
	LifeSeconds  int64 `json:"life_seconds,omitempty"`
	RefreshToken bool  `json:"of_refresh_token,omitempty"` // LifeSeconds is a refresh token's, and not an access token's
	Rate         int   `json:"refresh_rate,omitempty"`     // limits.refresh_rate, if a refresh waited for its turn in the last minute; else 0
}

// Tokens names the tokens that live for LifeSeconds.
func (l *Limited) Tokens() string {
	if l.RefreshToken {
		return "refresh tokens"
	}
	return "access tokens"
}

// LifeText says how long they live: "lifetime of access tokens: 3 s".
func (l *Limited) LifeText() string {
	if l.LifeSeconds < 1 {
		return fmt.Sprintf("lifetime of %s: less than 1 s", l.Tokens())
	}
	return fmt.Sprintf("lifetime of %s: %d s", l.Tokens(), l.LifeSeconds)
}

// Interrupts reports whether tokens end before the floor lets the next refresh begin. Their instances are then served with interruptions, whatever one of them has
// at a moment. A nil l does not interrupt.
func (l *Limited) Interrupts() bool {
	return l != nil && l.FloorSeconds > 0 && l.LifeSeconds <= l.FloorSeconds
}

// RegistrationToken describes a held registration token without showing it.
type RegistrationToken struct {
	Fingerprint string    `json:"fingerprint,omitempty"` // as by [token.Fingerprint]; administrators only
	Source      string    `json:"source"`                // "file /etc/regent/registration-token", "regent register by alice"
	ReceivedAt  time.Time `json:"received_at"`
}

// Application is one configured application.
type Application struct {
	ID        string     `json:"id"`
	Tenant    string     `json:"tenant"`
	Rules     int        `json:"rules"`               // 0: nobody may use it
	OnDemand  bool       `json:"on_demand,omitempty"` // redeemed when first asked for
	Instances []Instance `json:"instances"`
}

// Instance is one instance of an application. Holder, LastFault and the times
// are shown to administrators and to the holder only.
type Instance struct {
	Name        string     `json:"instance"` // "cad/1"
	State       string     `json:"state"`    // an instance.State, or Unknown
	Since       time.Time  `json:"since"`
	Generation  uint64     `json:"generation"`
	Leased      bool       `json:"leased"`
	Holder      *Holder    `json:"holder,omitempty"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
	ExpiresIn   int64      `json:"expires_in"` // seconds; 0 if there is nothing to serve
	NextRefresh *time.Time `json:"next_refresh_at,omitempty"`
	AuthTokenID string     `json:"auth_token_id,omitempty"`
	Identifier  string     `json:"identifier,omitempty"` // as the Contact Administrator sees it
	LastFault   *Fault     `json:"last_fault,omitempty"`
	RedeemAsked bool       `json:"redeem_asked,omitempty"` // a person wants another count spent on it
}

// Holder is the process that leases an instance.
type Holder struct {
	PID  int    `json:"pid"`
	User string `json:"user"`
	Exe  string `json:"exe,omitempty"`
}

// Fault is the last thing that went wrong.
type Fault struct {
	Code   string    `json:"code"` // a fault.Kind
	Detail string    `json:"detail"`
	At     time.Time `json:"at"`
}

// Problem is something an administrator should mend.
type Problem struct {
	Source string `json:"source"` // file:line, key or host
	Detail string `json:"detail"`
}
