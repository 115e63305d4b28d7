package api

import "time"

// Ledger is the answer to GET [PathLedger]: the account of every redemption,
// oldest first. With the query ?verify=true the file was read again and compared
// first; one that was altered is an error.
type Ledger struct {
	Entries  []LedgerEntry `json:"entries"`
	Verified bool          `json:"verified,omitempty"`
}

// Resolution is the body of POST [PathResolve]: what a person found of an
// uncertain or unconfirmed redemption.
type Resolution struct {
	ID       string `json:"id"`       // of the redemption, as in the ledger
	Consumed *bool  `json:"consumed"` // whether the service's list has it, so that it used a count; required
}

// LedgerEntry is one line of the account. An intent says what the Contact
// Administrator's list of auth tokens shows, in the same words, so that the two
// can be joined; a later entry with the same id says what came of it.
type LedgerEntry struct {
	Seq      uint64    `json:"seq"`
	At       time.Time `json:"at"`
	Kind     string    `json:"kind"` // intent, confirmed, refused, unused, uncertain, resolved, asked, forgotten, compared
	ID       string    `json:"id"`
	Tenant   string    `json:"tenant"`   // host
	Instance string    `json:"instance"` // "cad/1"

	Identifier   string `json:"identifier,omitempty"`
	FQDN         string `json:"fqdn,omitempty"`
	UserName     string `json:"user_name,omitempty"`
	MAC          string `json:"mac,omitempty"`
	RefID1       string `json:"ref_id_1,omitempty"`
	RefID2       string `json:"ref_id_2,omitempty"`
	Registration string `json:"registration,omitempty"` // fingerprint of the registration token
	Form         string `json:"form,omitempty"`         // of the request's body: wrapped, bare

	AuthTokenID string `json:"auth_token_id,omitempty"`
	Code        string `json:"code,omitempty"`   // a fault.Kind
	Status      int    `json:"status,omitempty"` // HTTP status of the service, if one came
	Words       string `json:"words,omitempty"`  // the service's own
	Retryable   bool   `json:"retryable,omitempty"`
	Unconfirmed bool   `json:"unconfirmed,omitempty"` // the reply does not show whether the service read the request
	Replaces    string `json:"replaces,omitempty"`    // id of the redemption whose auth token a person gave up

	Consumed bool   `json:"consumed,omitempty"` // of resolved: a count was used; of compared: the service's list has it
	By       string `json:"by,omitempty"`       // who decided: resolved, asked, forgotten
}
