package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/ipc/api"
)

// sampleLedger is a ledger with every kind of ending.
func sampleLedger() api.Ledger {
	var seq uint64
	line := func(id string, kind status.LedgerKind, e api.LedgerEntry) api.LedgerEntry {
		seq++
		e.Seq, e.ID, e.Kind, e.Tenant = seq, id, kind, "demo-host.com"
		e.At = beforeNoon(time.Hour).Add(time.Duration(seq) * time.Minute)
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
	got := cliRun{daemon: &fakeDaemon{ledger: sampleLedger()}}.run(t, "ledger")
	if got.Code != 0 || got.Err != "" {
		t.Errorf("got %+v", got)
	}
	golden(t, "ledger.golden", got.Out)
	got = cliRun{daemon: &fakeDaemon{ledger: sampleLedger()}, width: 80}.run(t, "ledger")
	for line := range strings.Lines(got.Out) {
		if len(line) > 81 {
			t.Errorf("wider than 80: %q", line)
		}
	}
	got = cliRun{daemon: &fakeDaemon{}}.run(t, "ledger")
	if want := "This device has tried no redemption.\n"; got.Out != want {
		t.Errorf("got %q, want %q", got.Out, want)
	}
}

func TestLedgerJSONIsTheLedger(t *testing.T) {
	got := cliRun{daemon: &fakeDaemon{ledger: sampleLedger()}}.run(t, "ledger", "--json")
	var back api.Ledger
	if err := json.Unmarshal([]byte(got.Out), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(back, sampleLedger()); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestLedgerCSV(t *testing.T) {
	l := sampleLedger()
	l.Entries[0].FQDN, l.Entries[0].UserName, l.Entries[0].MAC = "ws17.example.com", `o"hara, jr`, "02:00:00:00:00:01"
	l.Entries[0].RefID1, l.Entries[0].RefID2 = "cad/1", "device-7c1e"
	l.Entries = append(l.Entries, api.LedgerEntry{Kind: "asked", Instance: "cad/1", By: "alice"}) // no redemption of its own
	got := cliRun{daemon: &fakeDaemon{ledger: l}}.run(t, "ledger", "--csv")
	if got.Code != 0 || got.Err != "" {
		t.Errorf("got %+v", got)
	}
	golden(t, "ledger.csv.golden", got.Out)
}

// The auth tokens before the entry unregistered are deleted, also if regent store reset deleted
// them without an entry for each.
func TestLedgerAfterUnregister(t *testing.T) {
	l := sampleLedger()
	for _, e := range []api.LedgerEntry{
		{Kind: "unregistered"},
		{Kind: "intent", ID: "next", Identifier: "regent-next", Instance: "cad/1"},
		{Kind: "confirmed", ID: "next", AuthTokenID: "a-19"},
	} {
		e.Seq = uint64(len(l.Entries)) + 1
		l.Entries = append(l.Entries, e)
	}
	csv := cliRun{daemon: &fakeDaemon{ledger: l}}.run(t, "ledger", "--csv").Out
	for _, want := range []string{",forgotten,a-17,", ",forgotten,a-18,", ",confirmed,a-19,", ",resolved_consumed,", ",uncertain,"} {
		if !strings.Contains(csv, want) {
			t.Errorf("no %q in:\n%s", want, csv)
		}
	}
	text := cliRun{daemon: &fakeDaemon{ledger: l}}.run(t, "ledger").Out
	if n := strings.Count(text, "auth token deleted from this device"); n != 2 || strings.Contains(text, "auth token a-17") || !strings.Contains(text, "auth token a-19") {
		t.Errorf("%d deleted auth tokens in:\n%s", n, text)
	}
}

func TestLedgerVerify(t *testing.T) {
	got := cliRun{daemon: &fakeDaemon{ledger: sampleLedger()}}.run(t, "ledger", "verify")
	if want := (result{Out: "The ledger is as the agent wrote it: 19 entries.\n"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	altered := fault.Errorf("verify", fault.StoreUnreadable, "the ledger differs from the one that regentd wrote: line 3")
	got = cliRun{daemon: &fakeDaemon{err: altered}}.run(t, "ledger", "verify")
	if got.Code != 1 || got.Out != "" || !strings.Contains(got.Err, "line 3") {
		t.Errorf("an altered ledger: got %+v, want exit 1 and the line", got)
	}
}

func TestLedgerResolve(t *testing.T) {
	for flag, want := range map[string]string{"--consumed": "resolve regent-03 true", "--not-consumed": "resolve regent-03 false"} {
		daemon := &fakeDaemon{}
		got := cliRun{daemon: daemon}.run(t, "ledger", "resolve", "regent-03", flag)
		if got.Code != 0 || got.Out != "regent-03 is resolved.\n" {
			t.Errorf("%s: got %+v", flag, got)
		}
		if diff := cmp.Diff(daemon.requests, []any{want}); diff != "" {
			t.Errorf("%s: the agent was asked (-got +want):\n%s", flag, diff)
		}
	}
}

// A decision about a count is never guessed.
func TestLedgerResolveUsage(t *testing.T) {
	for _, args := range [][]string{
		{"ledger", "resolve", "--consumed"},
		{"ledger", "resolve", "regent-03"},
		{"ledger", "resolve", "regent-03", "--consumed", "--not-consumed"},
		{"ledger", "--json", "--csv"},
	} {
		daemon := &fakeDaemon{}
		got := cliRun{daemon: daemon}.run(t, args...)
		if got.Code != 2 || daemon.requests != nil {
			t.Errorf("%q: got %+v, asked %v; want exit 2 and nothing asked", args, got, daemon.requests)
		}
	}
}

func TestInstancesForget(t *testing.T) {
	for _, c := range []struct {
		answer, flag string
		code         int
		said         string
		asked        []any
	}{
		{answer: "yes", asked: []any{"forget cad 12"}},
		{flag: "--yes", asked: []any{"forget cad 12"}},
		{answer: "no", code: 1, said: "nothing was changed"},
		{code: 2, said: "there is no terminal to ask a question; to run it without a question, add --yes"},
	} {
		daemon, question := &fakeDaemon{}, ""
		args := slices.DeleteFunc([]string{"instances", "forget", "cad/12", c.flag}, func(s string) bool { return s == "" })
		got := cliRun{daemon: daemon, answer: c.answer, question: &question}.run(t, args...)
		if want := map[bool]string{true: "The auth token of cad/12 is deleted. Its count stays used.\nTo use the instance again, for one more count: " + fault.Commands("sudo regent instances redeem") + " cad/12\n"}[c.asked != nil]; got.Out != want || got.Code != c.code || !strings.Contains(got.Err, c.said) {
			t.Errorf("%+v: got %+v, want %q", c, got, want)
		}
		if c.answer != "" && question != "Delete the auth token of cad/12 from this device? Its count does not come back, and a new one costs a count." {
			t.Errorf("%+v: asked %q", c, question)
		}
		if diff := cmp.Diff(daemon.requests, c.asked); diff != "" {
			t.Errorf("%+v: the agent was asked (-got +want):\n%s", c, diff)
		}
	}
}
