package usage_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/tms/admin"
	"regent/agent/tms/admin/usage"
)

var day = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// tok is an auth token; ledger is what a device says of it.
func tok(id, host, user, instance, installation string, hour int) admin.AuthToken {
	return admin.AuthToken{
		ID: "id-" + id, Identifier: id, FQDN: host, UserName: user, RefID1: instance, RefID2: installation,
		Registration: "fleet", Created: day.Add(time.Duration(hour) * time.Hour),
	}
}

func ledger(t admin.AuthToken, outcome string) usage.Entry {
	return usage.Entry{
		Identifier: t.Identifier, FQDN: t.FQDN, UserName: t.UserName, RefID1: t.RefID1, RefID2: t.RefID2, Began: t.Created, Outcome: outcome,
	}
}

func TestInvestigate(t *testing.T) {
	good := tok("good", "ws1", "regent", "cad/1", "device-1", 0)
	tests := []struct {
		name string
		in   usage.Input
		want map[string]usage.Kind
	}{
		{"nothing to compare with", usage.Input{Tokens: []admin.AuthToken{good}}, map[string]usage.Kind{"good": usage.Unknown}},
		{
			"in a ledger",
			usage.Input{Tokens: []admin.AuthToken{good}, Entries: []usage.Entry{ledger(good, "confirmed")}},
			map[string]usage.Kind{"good": usage.Expected},
		},
		{
			"in the inventory, in another spelling",
			usage.Input{Tokens: []admin.AuthToken{good}, Devices: []usage.Device{{FQDN: "WS1.", User: "regent"}}},
			map[string]usage.Kind{"good": usage.Expected},
		},
		{
			"unexpected host",
			usage.Input{Tokens: []admin.AuthToken{good, tok("x", "evil", "regent", "cad/1", "", 1)}, Devices: []usage.Device{{FQDN: "ws1"}}},
			map[string]usage.Kind{"good": usage.Expected, "x": usage.UnexpectedHost},
		},
		{
			"no ledger of that host",
			usage.Input{Tokens: []admin.AuthToken{good, tok("x", "evil", "regent", "cad/1", "", 1)}, Entries: []usage.Entry{ledger(good, "confirmed")}},
			map[string]usage.Kind{"good": usage.Expected, "x": usage.UnexpectedHost},
		},
		{
			"unexpected user",
			usage.Input{Tokens: []admin.AuthToken{good, tok("x", "ws1", "mallory", "cad/1", "", 1)}, Devices: []usage.Device{{FQDN: "ws1", User: "regent"}}},
			map[string]usage.Kind{"good": usage.Expected, "x": usage.UnexpectedUser},
		},
		{
			"a user that the ledger does not have",
			usage.Input{Tokens: []admin.AuthToken{good, tok("x", "ws1", "mallory", "cad/1", "", 1)}, Entries: []usage.Entry{ledger(good, "confirmed")}},
			map[string]usage.Kind{"good": usage.Expected, "x": usage.UnexpectedUser},
		},
		{
			"redeemed again",
			usage.Input{Tokens: []admin.AuthToken{good, tok("again", "ws1", "regent", "cad/1", "device-1", 5)}},
			map[string]usage.Kind{"good": usage.Duplicate, "again": usage.Unknown},
		},
		{
			"another instance is no duplicate",
			usage.Input{Tokens: []admin.AuthToken{good, tok("two", "ws1", "regent", "cad/2", "device-1", 5)}},
			map[string]usage.Kind{"good": usage.Unknown, "two": usage.Unknown},
		},
		{
			"copied disk",
			usage.Input{Tokens: []admin.AuthToken{good, tok("copy", "ws2", "regent", "cad/1", "device-1", 5)}},
			map[string]usage.Kind{"good": usage.Unknown, "copy": usage.Clone},
		},
		{
			"uncertain, and a count was used",
			usage.Input{Tokens: []admin.AuthToken{good}, Entries: []usage.Entry{ledger(good, "uncertain")}},
			map[string]usage.Kind{"good": usage.Uncertain},
		},
		{
			"the power went before the outcome",
			usage.Input{Tokens: []admin.AuthToken{good}, Entries: []usage.Entry{ledger(good, "intent")}},
			map[string]usage.Kind{"good": usage.Uncertain},
		},
		{
			"uncertain, and none was used",
			usage.Input{Entries: []usage.Entry{ledger(good, "uncertain")}},
			map[string]usage.Kind{"good": usage.NotUsed},
		},
		{
			"deleted at the service",
			usage.Input{Entries: []usage.Entry{ledger(good, "confirmed")}},
			map[string]usage.Kind{"good": usage.NotThere},
		},
		{
			"refused ones are nothing",
			usage.Input{Entries: []usage.Entry{ledger(good, "refused"), ledger(good, "unused"), ledger(good, "resolved_not_consumed")}},
			map[string]usage.Kind{},
		},
		{
			"wiped from its device",
			usage.Input{Tokens: []admin.AuthToken{good}, Entries: []usage.Entry{ledger(good, "forgotten")}},
			map[string]usage.Kind{"good": usage.Orphan},
		},
		{
			"retired device",
			usage.Input{Tokens: []admin.AuthToken{good}, Devices: []usage.Device{{FQDN: "ws1", Retired: true}}},
			map[string]usage.Kind{"good": usage.Orphan},
		},
		{
			"installed anew",
			usage.Input{
				Tokens:  []admin.AuthToken{good, tok("new", "ws1", "regent", "cad/1", "device-9", 9)},
				Entries: []usage.Entry{ledger(tok("new", "ws1", "regent", "cad/1", "device-9", 9), "confirmed")},
			},
			map[string]usage.Kind{"good": usage.Orphan, "new": usage.Expected},
		},
		{
			"the ledger of its installation does not have it",
			usage.Input{
				Tokens:  []admin.AuthToken{good, tok("x", "ws1", "regent", "cad/2", "device-1", 3)},
				Entries: []usage.Entry{ledger(good, "confirmed")},
			},
			map[string]usage.Kind{"good": usage.Expected, "x": usage.Unaccounted},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report := usage.Investigate(tt.in)
			got := map[string]usage.Kind{}
			counted := 0
			for _, row := range report.Rows {
				got[row.Identifier] = row.Kind
				if row.Why == "" {
					t.Errorf("%s: no reason given", row.Identifier)
				}
			}
			for _, n := range report.Counts {
				counted += n
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("-got +want:\n%s", diff)
			}
			if counted != len(report.Rows) {
				t.Errorf("counts add up to %d, want %d", counted, len(report.Rows))
			}
		})
	}
}

// TestOrderDoesNotMatter: what is found depends on what there is alone.
func TestOrderDoesNotMatter(t *testing.T) {
	var in, turned usage.Input
	for i := range 40 {
		a := tok(fmt.Sprintf("r-%02d", i), fmt.Sprintf("ws%d", i%7), "regent", fmt.Sprintf("cad/%d", i%3), fmt.Sprintf("device-%d", i%5), i/4)
		in.Tokens = append(in.Tokens, a)
		turned.Tokens = append([]admin.AuthToken{a}, turned.Tokens...)
		if i%2 == 0 {
			in.Entries = append(in.Entries, ledger(a, "confirmed"))
			turned.Entries = append([]usage.Entry{ledger(a, "confirmed")}, turned.Entries...)
		}
	}
	if diff := cmp.Diff(usage.Investigate(in).Counts, usage.Investigate(turned).Counts); diff != "" {
		t.Errorf("-forwards +backwards:\n%s", diff)
	}
}
