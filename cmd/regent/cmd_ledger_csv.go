package main

import (
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"regent/agent/redeem"
	"regent/ipc/api"
)

// ledgerColumns are those of the Contact Administrator's list of auth tokens, by
// the names that tmsctl auth-token list --json gives them, and what came of it: words are for
// people, and have what the service said.
var ledgerColumns = []string{
	"identifier", "fqdn", "system_user_name", "mac_address", "ref_id_1", "ref_id_2", "creation_date", "outcome", "id", "code", "http_status", "words",
}

// writeLedgerCSV writes one row for each redemption. Its creation date is when
// the redemption began: the service's own date is that or a little later.
func writeLedgerCSV(w io.Writer, l api.Ledger) error {
	out := csv.NewWriter(w)
	rows := [][]string{ledgerColumns}
	for _, entries := range redemptions(l.Entries) {
		e, why := entries[0], answered(entries)
		rows = append(rows, []string{
			e.Identifier, e.FQDN, e.UserName, e.MAC, e.RefID1, e.RefID2,
			e.At.UTC().Format(time.RFC3339), outcomeWord(entries[len(entries)-1]), authTokenOf(entries),
			why.Code, httpStatus(why.Status), printable(why.Words),
		})
	}
	return out.WriteAll(rows)
}

// outcomeWord is the last entry of a redemption in one word.
func outcomeWord(e api.LedgerEntry) string {
	switch {
	case redeem.Kind(e.Kind) == redeem.Compared: // it bought an auth token all the same
		return string(redeem.Confirmed)
	case redeem.Kind(e.Kind) != redeem.Resolved:
		return e.Kind
	case e.Consumed:
		return "resolved_consumed"
	default:
		return "resolved_not_consumed"
	}
}

// answered is the entry of a redemption that says why it gave no auth token; the zero
// value if none does.
func answered(entries []api.LedgerEntry) (why api.LedgerEntry) {
	for _, e := range entries {
		if e.Code != "" {
			why = e
		}
	}
	return why
}

func httpStatus(status int) string {
	if status == 0 {
		return ""
	}
	return strconv.Itoa(status)
}

// authTokenOf is the ID of the auth token that a redemption bought; "" if none came.
func authTokenOf(entries []api.LedgerEntry) string {
	for _, e := range entries {
		if e.AuthTokenID != "" {
			return e.AuthTokenID
		}
	}
	return ""
}
