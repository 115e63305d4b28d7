// Package api is the wire format of the local interface, version 1.
//
// It has paths, bodies of requests and responses, and errors. ipc/PROTOCOL.md describes the
// same for other languages. The package does not use sockets.
package api

import (
	"time"

	"regent/agent/doctor"
	"regent/agent/status"
)

// Paths of version 1. {application} and {instance} are path segments: the id
// and the decimal number.
const (
	PathToken        = "/v1/token"
	PathLease        = "/v1/instances/{application}/{instance}/lease"
	PathInvalidate   = "/v1/instances/{application}/{instance}/invalidate"
	PathRedeem       = "/v1/instances/{application}/{instance}/redeem"
	PathWatch        = "/v1/watch"
	PathExplain      = "/v1/explain"
	PathStatus       = "/v1/status"
	PathRegistration = "/v1/registration"
	PathLedger       = "/v1/ledger"
	PathResolve      = "/v1/ledger/resolve"
	PathInstance     = "/v1/instances/{application}/{instance}"
	PathReload       = "/v1/reload"
	PathPolicy       = "/v1/policy"
	PathStore        = "/v1/store"
	PathStoreVerb    = "/v1/store/{verb}"
	PathDiagnosis    = "/v1/diagnosis"
	PathMetrics      = "/metrics"
	PathContract     = "/v1/contract"
)

// ContentType and ProblemType are the media types of bodies.
const (
	ContentType = "application/json"
	ProblemType = "application/problem+json"
)

// TokenRequest is the body of POST [PathToken].
type TokenRequest struct {
	Application string `json:"application"`
	Instance    string `json:"instance,omitempty"` // "1"; "" takes a free one
	MinTTL      int64  `json:"min_ttl,omitempty"`  // seconds
	Wait        int64  `json:"wait,omitempty"`     // seconds to wait for MinTTL
}

// Token is the answer to POST [PathToken].
type Token struct {
	AccessToken string    `json:"access_token"` // the only place where it crosses the socket
	TokenType   string    `json:"token_type"`   // "Bearer"
	ExpiresIn   int64     `json:"expires_in"`   // seconds, rounded down
	ExpiresAt   time.Time `json:"expires_at"`
	Application string    `json:"application"`
	Instance    string    `json:"instance"` // "cad/1"
	Tenant      string    `json:"tenant"`   // base URL
	Generation  uint64    `json:"generation"`
}

// RegistrationRequest is the body of POST [PathRegistration].
type RegistrationRequest struct {
	RegistrationToken string `json:"registration_token"`    // arrives over the socket only
	Application       string `json:"application,omitempty"` // only for this one; "" is the tenant's default
	Tenant            string `json:"tenant,omitempty"`      // "" is the configured one
	Source            string `json:"source,omitempty"`      // such as "file F" or "stdin"
	Wait              int64  `json:"wait,omitempty"`        // seconds to wait for the redemptions
}

// Registration is the answer to POST [PathRegistration]: the registration token is sealed,
// or no instance needs it. Instances has the state of the redemptions.
type Registration struct {
	Tenant      string            `json:"tenant"` // host
	Fingerprint string            `json:"fingerprint"`
	Stored      bool              `json:"stored"`    // sealed; false if nothing needs it
	Instances   []status.Instance `json:"instances"` // the instances that may use it
}

// MetricsType is the media type of the answer to GET [PathMetrics].
const MetricsType = "text/plain; version=0.0.4; charset=utf-8"

// Diagnosis is the answer to GET [PathDiagnosis]: facts that only the daemon sees. regent
// doctor interprets them.
type Diagnosis = doctor.Daemon

// Contract is the answer to GET [PathContract].
type Contract = status.Contract

// Status is the answer to GET [PathStatus].
type Status = status.Status

// Problem is the body of every response that is not 2xx (RFC 9457).
type Problem struct {
	Type       string `json:"type"`   // "about:blank"
	Title      string `json:"title"`  // the HTTP status in words
	Status     int    `json:"status"` // the HTTP status
	Code       string `json:"code"`   // a fault.Kind
	Detail     string `json:"detail"` // the problem and the next step
	Instance   string `json:"instance,omitempty"`
	RetryAfter int64  `json:"retry_after,omitempty"` // seconds
}
