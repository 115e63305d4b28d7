package api

import "regent/agent/status"

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

// LedgerEntry is one line of the account.
type LedgerEntry = status.LedgerEntry
