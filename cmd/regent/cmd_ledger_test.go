package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/ipc/api"
)

// account is a ledger with every kind of ending.
func account() api.Ledger {
	var seq uint64
	line := func(id, kind string, e api.LedgerEntry) api.LedgerEntry {
		seq++
		e.Seq, e.ID, e.Kind, e.Tenant = seq, id, kind, "demo-host.com"
		e.At = before(time.Hour).Add(time.Duration(seq) * time.Minute)
		e.Instance = "cad/" + id
		return e
	}
	begun := func(id string) api.LedgerEntry {
		return line(id, "intent", api.LedgerEntry{Identifier: "regent-0" + id, Registration: "9f86d081"})
	}
	return api.Ledger{Entries: []api.LedgerEntry{
		begun("1"),
		begun("2"),
		line("1", "confirmed", api.LedgerEntry{AuthTokenID: "a-17"}),
		line("2", "refused", api.LedgerEntry{Code: "registration_exhausted", Status: 403, Words: "no count\x1b[2J left"}),
		begun("3"), line("3", "unused", api.LedgerEntry{Code: "unavailable"}),
		begun("4"), line("4", "uncertain", api.LedgerEntry{}),
		begun("5"), line("5", "uncertain", api.LedgerEntry{}), line("5", "resolved", api.LedgerEntry{Consumed: true, By: "alice"}),
		begun("6"), line("6", "resolved", api.LedgerEntry{By: "bob"}),
		begun("7"), line("7", "confirmed", api.LedgerEntry{AuthTokenID: "a-18"}), line("7", "forgotten", api.LedgerEntry{}),
		begun("8"),
		begun("9"), line("9", "a later kind", api.LedgerEntry{}),
	}}
}

func TestLedgerScreen(t *testing.T) {
	got := session{daemon: &fake{ledger: account()}}.run(t, "ledger")
	if got.Code != 0 || got.Err != "" {
		t.Errorf("got %+v", got)
	}
	golden(t, "ledger.golden", got.Out)
	got = session{daemon: &fake{}}.run(t, "ledger")
	if want := "No redemption was ever tried on this device.\n"; got.Out != want {
		t.Errorf("got %q, want %q", got.Out, want)
	}
}

func TestLedgerJSONIsTheLedger(t *testing.T) {
	got := session{daemon: &fake{ledger: account()}}.run(t, "ledger", "--json")
	var back api.Ledger
	if err := json.Unmarshal([]byte(got.Out), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(back, account()); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}
