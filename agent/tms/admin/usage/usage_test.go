package usage_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/tms/admin/usage"
)

var day = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// authToken is an auth token; ledger is what a device says of it.
func authToken(id, host, user, instance, installation string, hour int) admin.AuthToken {
	return admin.AuthToken{
		ID: "id-" + id, Identifier: id, FQDN: host, UserName: user, RefID1: instance, RefID2: installation,
		Registration: "fleet", Created: day.Add(time.Duration(hour) * time.Hour),
	}
}

// It was exported a day later.
func ledger(t admin.AuthToken, outcome string) usage.Entry {
	t.ID, t.Registration = "", ""
	return usage.Entry{AuthToken: t, Outcome: outcome, Exported: day.AddDate(0, 0, 1)}
}

// exported is e from a ledger that was exported at an hour of day; 0 is at a time that is not known.
func exported(e usage.Entry, hour int) usage.Entry {
	if e.Exported = day.Add(time.Duration(hour) * time.Hour); hour == 0 {
		e.Exported = time.Time{}
	}
	return e
}

// zoneless is a with a creation date as the service shows it.
func zoneless(a admin.AuthToken) admin.AuthToken {
	a.Created = a.Created.In(tms.NoZone)
	return a
}

// undated is a without a creation date.
func undated(a admin.AuthToken) admin.AuthToken {
	a.Created = time.Time{}
	return a
}

func TestInvestigate(t *testing.T) {
	good := authToken("good", "ws1", "regent", "cad/1", "device-1", 0)
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
			"of another registration token",
			usage.Input{
				Tokens: []admin.AuthToken{good}, Others: []admin.AuthToken{good, authToken("other", "ws1", "regent", "sim/1", "device-1", 0)},
				Entries: []usage.Entry{
					ledger(good, "confirmed"), ledger(authToken("other", "ws1", "regent", "sim/1", "device-1", 0), "uncertain"),
					ledger(authToken("gone", "ws1", "regent", "sim/2", "device-1", 0), "confirmed"),
				},
			},
			map[string]usage.Kind{"good": usage.Expected, "gone": usage.MissingAtService},
		},
		{
			"in the inventory, in another spelling",
			usage.Input{Tokens: []admin.AuthToken{good}, Devices: []usage.Device{{FQDN: "WS1.", User: "regent"}}},
			map[string]usage.Kind{"good": usage.Expected},
		},
		{
			"unexpected host",
			usage.Input{Tokens: []admin.AuthToken{good, authToken("x", "evil", "regent", "cad/1", "", 1)}, Devices: []usage.Device{{FQDN: "ws1"}}},
			map[string]usage.Kind{"good": usage.Expected, "x": usage.UnexpectedHost},
		},
		{
			"no ledger of that host",
			usage.Input{Tokens: []admin.AuthToken{good, authToken("x", "evil", "regent", "cad/1", "", 1)}, Entries: []usage.Entry{ledger(good, "confirmed")}},
			map[string]usage.Kind{"good": usage.Expected, "x": usage.UnexpectedHost},
		},
		{
			"unexpected user",
			usage.Input{Tokens: []admin.AuthToken{good, authToken("x", "ws1", "mallory", "cad/1", "", 1)}, Devices: []usage.Device{{FQDN: "ws1", User: "regent"}}},
			map[string]usage.Kind{"good": usage.Expected, "x": usage.UnexpectedUser},
		},
		{
			"a user that the ledger does not have",
			usage.Input{Tokens: []admin.AuthToken{good, authToken("x", "ws1", "mallory", "cad/1", "", 1)}, Entries: []usage.Entry{ledger(good, "confirmed")}},
			map[string]usage.Kind{"good": usage.Expected, "x": usage.UnexpectedUser},
		},
		{
			"redeemed again",
			usage.Input{Tokens: []admin.AuthToken{good, authToken("again", "ws1", "regent", "cad/1", "device-1", 5)}},
			map[string]usage.Kind{"good": usage.Duplicate, "again": usage.Duplicate},
		},
		{
			"another instance is no duplicate",
			usage.Input{Tokens: []admin.AuthToken{good, authToken("two", "ws1", "regent", "cad/2", "device-1", 5)}},
			map[string]usage.Kind{"good": usage.Unknown, "two": usage.Unknown},
		},
		{
			"copied disk",
			usage.Input{Tokens: []admin.AuthToken{good, authToken("copy", "ws2", "regent", "cad/1", "device-1", 5)}},
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
			map[string]usage.Kind{"good": usage.NoCountUsed},
		},
		{
			"deleted at the service",
			usage.Input{Entries: []usage.Entry{ledger(good, "confirmed")}},
			map[string]usage.Kind{"good": usage.MissingAtService},
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
				Tokens:  []admin.AuthToken{good, authToken("new", "ws1", "regent", "cad/1", "device-9", 9)},
				Entries: []usage.Entry{ledger(authToken("new", "ws1", "regent", "cad/1", "device-9", 9), "confirmed")},
			},
			map[string]usage.Kind{"good": usage.Orphan, "new": usage.Expected},
		},
		{
			"the ledger of its installation does not have it",
			usage.Input{
				Tokens:  []admin.AuthToken{good, authToken("x", "ws1", "regent", "cad/2", "device-1", 3)},
				Entries: []usage.Entry{ledger(good, "confirmed")},
			},
			map[string]usage.Kind{"good": usage.Expected, "x": usage.NotInLedger},
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

// TestOrderIndependent: what is found depends on what there is alone.
func TestOrderIndependent(t *testing.T) {
	var in, turned usage.Input
	for i := range 40 {
		a := authToken(fmt.Sprintf("r-%02d", i), fmt.Sprintf("ws%d", i%7), "regent", fmt.Sprintf("cad/%d", i%3), fmt.Sprintf("device-%d", i%5), i/4)
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

// TestProposedForDeletion: what a ledger confirms is never proposed, whatever a
// stranger redeems with its names; what claims its names is named first.
func TestProposedForDeletion(t *testing.T) {
	good := authToken("good", "ws1", "regent", "cad/1", "device-1", 0)
	rogue := authToken("rogue", "ws1", "regent", "cad/1", "device-1", 5)
	named := func(id, identifier string, hour int) admin.AuthToken {
		a := authToken(id, "ws1", "regent", "cad/1", "device-1", hour)
		a.Identifier = identifier
		return a
	}
	withID := func(e usage.Entry, id string) usage.Entry {
		e.ID = id
		return e
	}
	on := func(hour int, installation string) admin.AuthToken {
		return authToken("of-"+installation, "ws1", "regent", "cad/1", installation, hour)
	}
	tests := []struct {
		name string
		in   usage.Input
		want string // the findings in their order: ID kind, with ! if proposed for deletion
	}{
		{"of an earlier installation, as far as anybody knows: no date", usage.Input{
			Tokens: []admin.AuthToken{good, undated(authToken("old", "ws1", "regent", "cad/1", "device-0", 0))}, Entries: []usage.Entry{ledger(good, "confirmed")},
		}, "id-old not_in_ledger"},
		{"on two hosts, and no date says which was first", usage.Input{
			Tokens:  []admin.AuthToken{undated(authToken("one", "ws1", "regent", "cad/1", "device-2", 0)), undated(authToken("two", "ws2", "regent", "cad/1", "device-2", 0))},
			Devices: []usage.Device{{FQDN: "ws1"}, {FQDN: "ws2"}},
		}, "id-one clone, id-two clone"},
		{"a stranger with all names of a device", usage.Input{Tokens: []admin.AuthToken{good, rogue}, Entries: []usage.Entry{ledger(good, "confirmed")}}, "id-rogue not_in_ledger !"},
		{"the same, before the device", usage.Input{Tokens: []admin.AuthToken{authToken("rogue", "ws1", "regent", "cad/1", "device-1", -1), good}, Entries: []usage.Entry{ledger(good, "confirmed")}}, "id-rogue not_in_ledger !"},
		{"the same, without a ledger", usage.Input{Tokens: []admin.AuthToken{good, rogue}}, "id-good duplicate, id-rogue duplicate"},
		{"the same, with the inventory alone", usage.Input{Tokens: []admin.AuthToken{good, rogue}, Devices: []usage.Device{{FQDN: "ws1"}}}, "id-good duplicate, id-rogue duplicate"},
		{"a stranger is named before anything else", usage.Input{
			Tokens:  []admin.AuthToken{authToken("old", "ws1", "regent", "cad/1", "device-0", -9), good, authToken("x", "evil", "root", "cad/1", "", 1), rogue},
			Entries: []usage.Entry{ledger(good, "confirmed")},
		}, "id-rogue not_in_ledger !, id-x unexpected_host, id-old orphan !"},
		{"the identifier too, and the ledger has the ID", usage.Input{
			Tokens:  []admin.AuthToken{named("good", "same", 0), named("rogue", "same", 0)},
			Entries: []usage.Entry{withID(ledger(named("good", "same", 0), "confirmed"), "id-good")},
		}, "id-rogue not_in_ledger !"},
		{"the identifier too, and the ledger has no ID", usage.Input{
			Tokens:  []admin.AuthToken{named("good", "same", 0), named("rogue", "same", 1)},
			Entries: []usage.Entry{ledger(named("good", "same", 0), "confirmed")},
		}, "id-good not_in_ledger, id-rogue not_in_ledger"},
		{"a host that is not known, with a device's ref ID 2", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("rogue", "thief", "regent", "cad/1", "device-1", 5)}, Entries: []usage.Entry{ledger(good, "confirmed")},
			Devices: []usage.Device{{FQDN: "ws1"}},
		}, "id-rogue not_in_ledger !"},
		{"the same without an inventory: perhaps a copied disk of another device", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("rogue", "thief", "regent", "cad/1", "device-1", 5)}, Entries: []usage.Entry{ledger(good, "confirmed")},
		}, "id-rogue not_in_ledger"},
		{"a device of which there is no ledger here, without an inventory", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("two", "ws2", "regent", "cad/1", "device-2", 0)}, Entries: []usage.Entry{ledger(good, "confirmed")},
		}, "id-two unexpected_host"},
		{"redeemed after the export", usage.Input{
			Tokens: []admin.AuthToken{good, rogue}, Entries: []usage.Entry{exported(ledger(good, "confirmed"), 4)},
		}, "id-rogue not_in_ledger"},
		{"redeemed after the export, as another user", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("x", "ws1", "other", "cad/1", "device-1", 5)}, Entries: []usage.Entry{exported(ledger(good, "confirmed"), 4)},
		}, "id-x not_in_ledger"},
		{"redeemed after the last entry of a ledger without a time of export", usage.Input{
			Tokens: []admin.AuthToken{good, rogue}, Entries: []usage.Entry{exported(ledger(good, "confirmed"), 0)},
		}, "id-rogue not_in_ledger"},
		{"before the last entry of a ledger without a time of export", usage.Input{
			Tokens:  []admin.AuthToken{good, rogue},
			Entries: []usage.Entry{exported(ledger(good, "confirmed"), 0), exported(ledger(authToken("no", "ws1", "regent", "cad/2", "device-1", 6), "refused"), 0)},
		}, "id-rogue not_in_ledger !"},
		{"perhaps after the export: the service shows no zone", usage.Input{
			Tokens: []admin.AuthToken{zoneless(good), zoneless(rogue)}, Entries: []usage.Entry{exported(ledger(good, "confirmed"), 18)},
		}, "id-rogue not_in_ledger"},
		{"before the export in each zone", usage.Input{
			Tokens: []admin.AuthToken{zoneless(good), zoneless(rogue)}, Entries: []usage.Entry{exported(ledger(good, "confirmed"), 20)},
		}, "id-rogue not_in_ledger !"},
		{"before another one of the ledger, without a zone", usage.Input{
			Tokens:  []admin.AuthToken{zoneless(good), zoneless(rogue), zoneless(authToken("two", "ws1", "regent", "cad/2", "device-1", 6))},
			Entries: []usage.Entry{exported(ledger(good, "confirmed"), 7), exported(ledger(authToken("two", "ws1", "regent", "cad/2", "device-1", 6), "confirmed"), 7)},
		}, "id-rogue not_in_ledger !"},
		{"after the export of its own host, before that of another host with this installation", usage.Input{
			Tokens:  []admin.AuthToken{good, rogue, authToken("copy", "ws2", "regent", "cad/2", "device-1", 6)},
			Entries: []usage.Entry{exported(ledger(good, "confirmed"), 4), ledger(authToken("copy", "ws2", "regent", "cad/2", "device-1", 6), "confirmed")},
		}, "id-rogue not_in_ledger, id-copy clone"},
		{"under way when the ledger was exported", usage.Input{
			Tokens: []admin.AuthToken{good}, Entries: []usage.Entry{ledger(good, "intent")},
		}, "id-good uncertain"},
		{"the identifier of an uncertain redemption", usage.Input{
			Tokens: []admin.AuthToken{named("good", "same", 0), named("rogue", "same", 1)}, Entries: []usage.Entry{ledger(named("good", "same", 0), "uncertain")},
		}, "id-good not_in_ledger, id-rogue not_in_ledger"},
		{"another host with a device's ref ID 2, first", usage.Input{
			Tokens:  []admin.AuthToken{authToken("rogue", "ws2", "regent", "cad/1", "device-1", -5), good},
			Entries: []usage.Entry{ledger(good, "confirmed")}, Devices: []usage.Device{{FQDN: "ws1"}, {FQDN: "ws2"}},
		}, "id-good clone"},
		{"a renamed host", usage.Input{
			Tokens:  []admin.AuthToken{good, authToken("later", "ws1-new", "regent", "cad/2", "device-1", 9)},
			Entries: []usage.Entry{ledger(good, "confirmed"), ledger(authToken("later", "ws1-new", "regent", "cad/2", "device-1", 9), "confirmed")},
		}, "id-later clone"},
		{"a renamed host without a ledger", usage.Input{Tokens: []admin.AuthToken{good, authToken("later", "ws1-new", "regent", "cad/2", "device-1", 9)}}, "id-later clone"},
		{"redeemed again by the device itself", usage.Input{
			Tokens: []admin.AuthToken{good, rogue}, Entries: []usage.Entry{ledger(good, "confirmed"), ledger(rogue, "confirmed")},
		}, "id-good duplicate"},
		{"redeemed again after a lost answer", usage.Input{
			Tokens: []admin.AuthToken{good, rogue}, Entries: []usage.Entry{ledger(good, "uncertain"), ledger(rogue, "confirmed")},
		}, "id-good uncertain !"},
		{"three installations on one host", usage.Input{
			Tokens:  []admin.AuthToken{on(0, "a"), on(1, "b"), on(2, "c")},
			Entries: []usage.Entry{ledger(on(0, "a"), "confirmed"), ledger(on(1, "b"), "confirmed"), ledger(on(2, "c"), "confirmed")},
		}, ""},
		{"three installations on one host, no ledger", usage.Input{Tokens: []admin.AuthToken{on(0, "a"), on(1, "b"), on(2, "c")}}, ""},
		{"a copied disk that has wiped it", usage.Input{
			Tokens: []admin.AuthToken{good}, Entries: []usage.Entry{ledger(good, "confirmed"), ledger(good, "forgotten")},
		}, ""},
		{"an older export after a newer one", usage.Input{
			Tokens: []admin.AuthToken{good, rogue}, Entries: []usage.Entry{withID(ledger(good, "confirmed"), "id-good"), ledger(good, "uncertain")},
		}, "id-rogue not_in_ledger !"},
		{"perhaps another installation's, of which there is no ledger", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("x", "ws1", "regent", "cad/1", "device-2", 5)}, Entries: []usage.Entry{ledger(good, "confirmed")},
		}, "id-x not_in_ledger"},
		{"the same, in the inventory too", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("x", "ws1", "regent", "cad/1", "device-2", 5)}, Entries: []usage.Entry{ledger(good, "confirmed")},
			Devices: []usage.Device{{FQDN: "ws1", User: "regent"}},
		}, "id-x not_in_ledger"},
		{"without a ref ID 2", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("x", "ws1", "regent", "cad/1", "", 5)}, Entries: []usage.Entry{ledger(good, "confirmed")},
		}, "id-x not_in_ledger"},
		{"perhaps another installation's user", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("x", "ws1", "other", "cad/1", "device-2", 5)}, Entries: []usage.Entry{ledger(good, "confirmed")},
		}, "id-x unexpected_user"},
		{"another user with a device's ref ID 2", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("x", "ws1", "other", "cad/1", "device-1", 5)}, Entries: []usage.Entry{ledger(good, "confirmed")},
		}, "id-x unexpected_user !"},
		{"a user that the inventory does not expect", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("x", "ws1", "other", "cad/1", "device-2", 5)}, Devices: []usage.Device{{FQDN: "ws1", User: "regent"}},
			Entries: []usage.Entry{ledger(good, "confirmed")},
		}, "id-x unexpected_user !"},
		{"the same without a ledger: anybody can write the user of the inventory", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("x", "ws1", "other", "cad/1", "device-2", 5)}, Devices: []usage.Device{{FQDN: "ws1", User: "regent"}},
		}, "id-x unexpected_user"},
		{"a user that the inventory does not expect, after the export", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("x", "ws1", "other", "cad/1", "device-2", 5)}, Devices: []usage.Device{{FQDN: "ws1", User: "regent"}},
			Entries: []usage.Entry{exported(ledger(good, "confirmed"), 4)},
		}, "id-x unexpected_user"},
		{"a person of one host, and the system user of another", usage.Input{
			Tokens:  []admin.AuthToken{good, authToken("two", "ws2", "regent", "cad/1", "device-2", 5)},
			Devices: []usage.Device{{FQDN: "ws1", User: "anna"}, {FQDN: "ws2", User: "regent"}},
		}, "id-good unexpected_user"},
		{"an inventory of persons", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("two", "ws2", "regent", "cad/1", "device-2", 5)}, Devices: []usage.Device{{FQDN: "ws1", User: "anna"}, {FQDN: "ws2", User: "bob"}},
		}, "id-good unexpected_user, id-two unexpected_user"},
		{"the service shows no user", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("x", "ws1", "", "cad/2", "device-2", 5)}, Devices: []usage.Device{{FQDN: "ws1", User: "regent"}},
		}, ""},
		{"the service shows no user, and a ledger has one", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("x", "ws1", "", "cad/2", "device-2", 5)}, Entries: []usage.Entry{ledger(good, "confirmed")},
		}, "id-x not_in_ledger"},
		{"the inventory has no user", usage.Input{
			Tokens: []admin.AuthToken{good}, Devices: []usage.Device{{FQDN: "ws1"}},
		}, ""},
		{"full names in the inventory, short ones at the service", usage.Input{
			Tokens: []admin.AuthToken{good, authToken("x", "evil", "root", "cad/1", "", 1)}, Devices: []usage.Device{{FQDN: "ws1.corp.example.com"}},
		}, "id-good unexpected_host, id-x unexpected_host !"},
		{"short names in the inventory, full ones at the service", usage.Input{
			Tokens: []admin.AuthToken{authToken("good", "WS1.corp.example.com", "regent", "cad/1", "device-1", 0)}, Devices: []usage.Device{{FQDN: "ws1"}},
		}, "id-good unexpected_host"},
		{"the full name in a ledger", usage.Input{
			Tokens:  []admin.AuthToken{good},
			Entries: []usage.Entry{ledger(authToken("other", "ws1.corp.example.com", "regent", "cad/1", "device-7", 0), "refused")},
		}, "id-good unexpected_host"},
		{"the service shows no host", usage.Input{
			Tokens: []admin.AuthToken{authToken("x", "", "regent", "cad/1", "device-1", 0)}, Devices: []usage.Device{{FQDN: "ws1"}},
		}, "id-x unexpected_host"},
		{"addresses have no first label", usage.Input{
			Tokens: []admin.AuthToken{authToken("x", "10.0.0.2", "regent", "cad/1", "device-1", 0)}, Devices: []usage.Device{{FQDN: "10.0.0.1"}},
		}, "id-x unexpected_host !"},
		{"retired, and its ledger is still there", usage.Input{
			Tokens: []admin.AuthToken{good}, Entries: []usage.Entry{ledger(good, "confirmed")}, Devices: []usage.Device{{FQDN: "ws1", Retired: true}},
		}, "id-good orphan !"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, row := range usage.Investigate(tt.in).Anomalies() {
				text := row.ID + " " + string(row.Kind)
				if row.Delete {
					text += " !"
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(strings.Join(got, ", "), tt.want); diff != "" {
				t.Errorf("-got +want:\n%s", diff)
			}
		})
	}
}

// TestConfirmedIsNeverProposed: whatever strangers redeem, in whatever names, what
// the ledgers confirm is not proposed for deletion.
func TestConfirmedIsNeverProposed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"", "a", "b", "c"})
		one := func(i int, kind string) admin.AuthToken {
			a := authToken(fmt.Sprint(kind, i), word.Draw(t, "host"), word.Draw(t, "user"), word.Draw(t, "instance"), word.Draw(t, "installation"), rapid.IntRange(0, 9).Draw(t, "hour"))
			if (kind == "stranger" || i == 0) && rapid.Bool().Draw(t, "same") { // devices draw theirs at random
				a.Identifier = "same"
			}
			return a
		}
		var in usage.Input
		confirmed := map[string]bool{}
		for i := range rapid.IntRange(1, 4).Draw(t, "devices") {
			a := one(i, "device")
			e := ledger(a, "confirmed")
			if rapid.Bool().Draw(t, "with ID") {
				e.ID = a.ID
			}
			in.Tokens, in.Entries = append(in.Tokens, a), append(in.Entries, e)
			confirmed[a.ID] = true
		}
		for i := range rapid.IntRange(0, 4).Draw(t, "strangers") {
			in.Tokens = append(in.Tokens, one(i, "stranger"))
		}
		for _, row := range usage.Investigate(in).Rows {
			if row.Delete && confirmed[row.ID] {
				t.Fatalf("%+v is proposed for deletion", row)
			}
		}
	})
}
