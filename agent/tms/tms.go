// Package tms is the device's client of the Token Management Service: discover,
// redeem, refresh.
//
// Only this package and those below it make network requests for the agent. The
// package does not decide when to ask or whether to ask again. It stores nothing. It
// returns evidence, and its callers decide. CONTRACT.md lists the assumptions about the
// service.
//
// Below it, admin is the client of a Contact Administrator, which no device has.
// Package emulator is the service itself, offline, and shares only the wire with its
// clients. Package exchangetest plays recorded exchanges to tests of all three.
package tms

import (
	"errors"
	"time"

	"regent/agent/token"
)

// Provider is the identity provider that refreshes a tenant's auth tokens. A redemption
// stores it with the auth token.
type Provider struct {
	TokenEndpoint string `json:"token_endpoint"` // as idpConfigurations gave it, checked
	Realm         string `json:"realm"`
	ClientID      string `json:"client_id"`
}

// AuthToken is the service's answer to a redemption or a refresh.
type AuthToken struct {
	ID         string        // the service's name of it; "" in the answer to a refresh in mode oidc
	Access     token.Secret  // zero if a refresh token came alone
	Refresh    token.Secret  // zero if the old one stays in force; never if Access is
	TTL        time.Duration // of the access token; 0 if it has ended already
	RefreshTTL time.Duration // 0 if unknown or without end
	Form       Form          // of the service's reply; zero of an identity provider's
	Echoed     bool          // the service's reply shows the identifier or a name of the redemption
}

// RefreshRequest has the values of a refresh.
type RefreshRequest struct {
	Mode         string // ModeOIDC, ModeTMS or ModeTMSRegistration
	Provider     Provider
	AuthTokenID  string         // for the modes of the service itself
	Identifier   string         // of its redemption; for [AuthToken.Echoed]
	Refresh      token.Secret   // the refresh token
	Registration token.Secret   // for ModeTMSRegistration
	Known        []token.Secret // further secrets that the answer may repeat
	Mask         Mask           // of the registration token that was redeemed
}

// call returns a call that redacts the secrets of r.
func (r RefreshRequest) call(op string) Call {
	return Call{Op: op, Known: append([]token.Secret{r.Refresh, r.Registration}, r.Known...), Masks: []Mask{r.Mask}}
}

// Reach says how far a request got. It decides whether it can have had an effect.
type Reach int

const (
	// NotSent means that there was no connection, so nothing of the request left this
	// machine.
	NotSent Reach = iota
	// Lost means that the request, or a part of it, was sent, and no readable answer came
	// back.
	Lost
	// Answered means that a whole HTTP response came back.
	Answered
)

// Failure is the evidence of a failed request. Only Unread contains secrets. The deciding
// functions of redeem and refresh read it.
type Failure struct {
	Op    string // "discover", "redeem", "refresh"
	Host  string // host and port of the server, for messages
	Reach Reach

	// Refused means that this client did not send the request, for the reason in Err.
	// Reach is NotSent. It says nothing about the service.
	Refused bool

	// The rest is set if Answered.
	Status        int           // HTTP status; also if Lost, when an answer came that could not be read
	ServiceShape  bool          // the body is a JSON object with a string message, error or errorCode
	Challenge     bool          // the answer has WWW-Authenticate, which a 401 of a service has (RFC 9110, 15.5.2)
	Shape         string        // the names of the body's members that say the error: "errorCode, errorMessage"; "" for none
	Code          string        // the service's error or errorCode, verbatim, bounded
	Message       string        // the service's own words, verbatim, bounded, control characters removed
	AboutForm     bool          // of a 400: see [AboutForm], and [Failure.FormRefused]
	Form          string        // Wrapped or Bare: the one form of body that was tried; "" if there is none, or both were
	RetryAfter    time.Duration // capped at an hour; 0 with HasRetryAfter means at once
	HasRetryAfter bool

	// Unread is the body of an answer that says that a redemption or a refresh worked,
	// and that could not be read; zero if there is none. It may contain the tokens.
	Unread token.Secret

	Err error // the cause, for the log
}

// ErrNoRefreshToken is the cause of a refresh that is not sent, since the service gave
// no refresh token.
var ErrNoRefreshToken = errors.New("the service gave no refresh token")

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }
