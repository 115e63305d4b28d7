package status

import (
	"time"

	"regent/agent/fault"
	"regent/agent/token"
)

// LedgerKind is the kind of an entry: intent, confirmed, refused, unused, uncertain,
// resolved, asked, forgotten, compared or unregistered. See package redeem.
type LedgerKind string

// LedgerEntry is one line of the ledger, on disk and on the wire. It contains no secret. An
// intent has the names that the Contact Administrator's list of auth tokens shows, so the
// two can be joined. A later entry with the same ID has its outcome.
type LedgerEntry struct {
	Seq      uint64     `json:"seq"`
	At       time.Time  `json:"at"`
	Kind     LedgerKind `json:"kind"`
	ID       string     `json:"id"`       // of the redemption; "" only for asked and unregistered
	Tenant   string     `json:"tenant"`   // host; "" only for unregistered
	Instance string     `json:"instance"` // "cad/1"; "" only for unregistered

	// Of an intent.
	Identifier   string `json:"identifier,omitempty"`
	FQDN         string `json:"fqdn,omitempty"`
	UserName     string `json:"user_name,omitempty"`
	MAC          string `json:"mac,omitempty"`
	RefID1       string `json:"ref_id_1,omitempty"`
	RefID2       string `json:"ref_id_2,omitempty"`
	Registration string `json:"registration,omitempty"` // fingerprint of the registration token
	Form         string `json:"form,omitempty"`         // of the body: wrapped, bare; "" in an entry of an earlier release, which sent bare

	// Of an outcome.
	AuthTokenID string     `json:"auth_token_id,omitempty"`
	Code        fault.Kind `json:"code,omitempty"`
	Status      int        `json:"status,omitempty"` // HTTP status of the service, if one came
	Words       string     `json:"words,omitempty"`  // for people; of a refusal with the service's own, verbatim
	Retryable   bool       `json:"retryable,omitempty"`
	RetryAfter  int64      `json:"retry_after,omitempty"` // seconds, as the service asked
	Unconfirmed bool       `json:"unconfirmed,omitempty"` // of confirmed: the reply shows none of the names that were sent

	// Of asked: the redemption of the auth token that the new one replaces; "" without
	// one.
	Replaces string `json:"replaces,omitempty"`

	// Of a person's decision.
	Consumed bool   `json:"consumed,omitempty"` // of resolved: a count was used; of compared: the service's list has it
	By       string `json:"by,omitempty"`
}

// InstanceID returns the instance that the entry concerns.
func (e LedgerEntry) InstanceID() (token.Instance, error) {
	return token.ParseInstanceKey(e.Tenant + "/" + e.Instance)
}
