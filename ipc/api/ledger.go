package api

import "regent/agent/status"

// Ledger is the answer to GET [PathLedger]: every redemption, oldest first.
// With the query ?verify=true the agent first checks the file. A changed file is an error.
type Ledger struct {
	Entries  []LedgerEntry `json:"entries"`
	Verified bool          `json:"verified,omitempty"`
}

// Resolution is the body of POST [PathResolve]: a person's finding about an
// uncertain or unconfirmed redemption.
type Resolution struct {
	ID       string `json:"id"`       // of the redemption, as in the ledger
	Consumed *bool  `json:"consumed"` // whether the service's list has it, so that it used a count; required
}

// LedgerEntry is one line of the ledger.
type LedgerEntry = status.LedgerEntry
