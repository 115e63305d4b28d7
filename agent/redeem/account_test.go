package redeem_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"regent/agent/redeem"
	"regent/agent/token"
)

var one = token.Instance{Tenant: host, Application: "cad", Number: 1}

// line is an entry about the redemption id of cad/1.
func line(k redeem.Kind, id string) redeem.Entry {
	return redeem.Entry{Kind: k, ID: id, Tenant: host, Instance: "cad/1"}
}

// retryable is the outcome of the documented 500.
func retryable(id string) redeem.Entry {
	e := line(redeem.Uncertain, id)
	e.Retryable = true
	return e
}

// found is what a person found of a redemption.
func found(id string, consumed bool) redeem.Entry {
	e := line(redeem.Resolved, id)
	e.Consumed = consumed
	return e
}

// replacing is a person's wish for another auth token than the one named.
func replacing(id string) redeem.Entry {
	e := line(redeem.Asked, "")
	e.Replaces = id
	return e
}

func TestBuildAccounts(t *testing.T) {
	type entries = []redeem.Entry
	tests := []struct {
		name string
		in   entries
		want redeem.Account
	}{
		{"under way", entries{line(redeem.Intent, "a")}, redeem.Account{Open: entries{line(redeem.Intent, "a")}}},
		{
			"confirmed",
			entries{line(redeem.Intent, "a"), line(redeem.Confirmed, "a")},
			redeem.Account{Confirmed: 1, CurrentIntent: "a", Last: line(redeem.Confirmed, "a")},
		},
		{"refused", entries{line(redeem.Intent, "a"), line(redeem.Refused, "a")}, redeem.Account{Last: line(redeem.Refused, "a")}},
		{"unused", entries{line(redeem.Intent, "a"), line(redeem.Unused, "a")}, redeem.Account{Last: line(redeem.Unused, "a")}},
		{
			"lost",
			entries{line(redeem.Intent, "a"), line(redeem.Uncertain, "a")},
			redeem.Account{Uncertain: entries{line(redeem.Uncertain, "a")}, RecentUncertain: entries{line(redeem.Uncertain, "a")}, Last: line(redeem.Uncertain, "a")},
		},
		{
			"the documented 500, twice",
			entries{line(redeem.Intent, "a"), retryable("a"), line(redeem.Intent, "b"), retryable("b")},
			redeem.Account{Uncertain: entries{retryable("a"), retryable("b")}, RecentUncertain: entries{retryable("a"), retryable("b")}, RetriesUsed: 2, Last: retryable("b")},
		},
		{
			"the documented 500, then confirmed",
			entries{line(redeem.Intent, "a"), retryable("a"), line(redeem.Intent, "b"), line(redeem.Confirmed, "b")},
			redeem.Account{Uncertain: entries{retryable("a")}, Confirmed: 1, CurrentIntent: "b", Last: line(redeem.Confirmed, "b")},
		},
		{
			"lost, and found unused",
			entries{line(redeem.Intent, "a"), line(redeem.Uncertain, "a"), found("a", false)},
			redeem.Account{Last: found("a", false)},
		},
		{
			"lost, and found used",
			entries{line(redeem.Intent, "a"), line(redeem.Uncertain, "a"), found("a", true)},
			redeem.Account{FoundConsumed: 1, ManualOnly: true, Last: found("a", true)},
		},
		{
			"one of two found used, then the other unused",
			entries{line(redeem.Intent, "a"), retryable("a"), line(redeem.Intent, "b"), retryable("b"), found("a", true), found("b", false)},
			redeem.Account{FoundConsumed: 1, ManualOnly: true, Last: found("b", false)},
		},
		{
			"one of two found unused: that renews no budget",
			entries{line(redeem.Intent, "a"), retryable("a"), line(redeem.Intent, "b"), retryable("b"), found("a", false)},
			redeem.Account{Uncertain: entries{retryable("b")}, RecentUncertain: entries{retryable("b")}, RetriesUsed: 2, Last: found("a", false)},
		},
		{
			"found used, then a person spent another",
			entries{line(redeem.Intent, "a"), line(redeem.Uncertain, "a"), found("a", true), line(redeem.Intent, "b"), line(redeem.Confirmed, "b")},
			redeem.Account{FoundConsumed: 1, Confirmed: 1, CurrentIntent: "b", Last: line(redeem.Confirmed, "b")},
		},
		{
			"a person asked for another",
			entries{line(redeem.Intent, "a"), line(redeem.Confirmed, "a"), replacing("a")},
			redeem.Account{Confirmed: 1, CurrentIntent: "a", Requested: true, Last: line(redeem.Confirmed, "a")},
		},
		{
			"a person asked for one, which was bought meanwhile",
			entries{line(redeem.Intent, "a"), line(redeem.Confirmed, "a"), replacing("")},
			redeem.Account{Confirmed: 1, CurrentIntent: "a", Last: line(redeem.Confirmed, "a")},
		},
		{
			"asked, and refused: it waits for another registration token",
			entries{line(redeem.Asked, ""), line(redeem.Intent, "a"), line(redeem.Refused, "a")},
			redeem.Account{Requested: true, Last: line(redeem.Refused, "a")},
		},
		{
			"asked, and bought",
			entries{line(redeem.Asked, ""), line(redeem.Intent, "a"), line(redeem.Confirmed, "a")},
			redeem.Account{Confirmed: 1, CurrentIntent: "a", Last: line(redeem.Confirmed, "a")},
		},
		{
			"asked, and lost: it may have been bought",
			entries{line(redeem.Asked, ""), line(redeem.Intent, "a"), line(redeem.Uncertain, "a")},
			redeem.Account{Uncertain: entries{line(redeem.Uncertain, "a")}, RecentUncertain: entries{line(redeem.Uncertain, "a")}, Last: line(redeem.Uncertain, "a")},
		},
		{
			"forgotten",
			entries{line(redeem.Intent, "a"), line(redeem.Confirmed, "a"), line(redeem.Forgotten, "a")},
			redeem.Account{Confirmed: 1, ManualOnly: true, Last: line(redeem.Forgotten, "a")},
		},
		{
			"forgotten, and another was bought meanwhile",
			entries{
				line(redeem.Intent, "a"), line(redeem.Confirmed, "a"), line(redeem.Intent, "b"), line(redeem.Confirmed, "b"),
				line(redeem.Forgotten, "a"),
			},
			redeem.Account{Confirmed: 2, CurrentIntent: "b", Last: line(redeem.Forgotten, "a")},
		},
		{
			"forgotten, of which an older ledger told",
			entries{line(redeem.Forgotten, "a")},
			redeem.Account{ManualOnly: true, Last: line(redeem.Forgotten, "a")},
		},
		{
			"a kind that is not known yet",
			entries{line(redeem.Intent, "a"), line(redeem.Confirmed, "a"), line("adopted", "a")},
			redeem.Account{Confirmed: 1, CurrentIntent: "a", Last: line("adopted", "a")},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(redeem.BuildAccounts(tt.in)[one], tt.want); diff != "" {
				t.Errorf("got -, want +:\n%s", diff)
			}
		})
	}
}

func TestBuildAccountsPerInstance(t *testing.T) {
	other := line(redeem.Confirmed, "b")
	other.Tenant = "other-host.com"
	odd := line(redeem.Confirmed, "c")
	odd.Instance = "no instance"
	got := redeem.BuildAccounts([]redeem.Entry{line(redeem.Intent, "a"), other, odd})
	if len(got) != 2 || len(got[one].Open) != 1 || got[one].Confirmed != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestBuildAccountsProperty: for any legal sequence the account says of each redemption
// what became of it: of all that began, each is open, uncertain, confirmed,
// found used, or cost nothing.
func TestBuildAccountsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var entries []redeem.Entry
		var open, uncertain []string
		began, confirmed, spent, free, since := 0, 0, 0, 0, 0
		take := func(ids *[]string, label string) string {
			if len(*ids) == 0 {
				t.Skip("none")
			}
			i := rapid.IntRange(0, len(*ids)-1).Draw(t, label)
			id := (*ids)[i]
			*ids = append((*ids)[:i:i], (*ids)[i+1:]...)
			return id
		}
		say := func(e redeem.Entry) { entries = append(entries, e) }
		t.Repeat(map[string]func(*rapid.T){
			"intent": func(*rapid.T) {
				began++
				id := fmt.Sprint(began)
				open = append(open, id)
				say(line(redeem.Intent, id))
			},
			"confirmed": func(*rapid.T) { say(line(redeem.Confirmed, take(&open, "which"))); confirmed++; since = 0 },
			"refused":   func(*rapid.T) { say(line(redeem.Refused, take(&open, "which"))); free++ },
			"unused":    func(*rapid.T) { say(line(redeem.Unused, take(&open, "which"))); free++ },
			"uncertain": func(t *rapid.T) {
				e := line(redeem.Uncertain, take(&open, "which"))
				e.Retryable = rapid.Bool().Draw(t, "retryable")
				uncertain = append(uncertain, e.ID)
				since++
				say(e)
			},
			"resolved": func(t *rapid.T) {
				e := found(take(&uncertain, "which"), rapid.Bool().Draw(t, "consumed"))
				if e.Consumed {
					spent++
				} else {
					free++
				}
				say(e)
			},
			"": func(t *rapid.T) {
				a := redeem.BuildAccounts(entries)[one]
				if a.Confirmed != confirmed || a.FoundConsumed != spent || len(a.Open) != len(open) || len(a.Uncertain) != len(uncertain) {
					t.Fatalf("got %+v, want %d confirmed, %d spent, %v open, %v uncertain", a, confirmed, spent, open, uncertain)
				}
				if got := a.Confirmed + a.FoundConsumed + len(a.Open) + len(a.Uncertain) + free; got != began {
					t.Fatalf("%d of %d redemptions are accounted for", got, began)
				}
				if len(a.RecentUncertain) > len(a.Uncertain) || len(a.RecentUncertain) > since || a.RetriesUsed < count(a.RecentUncertain) {
					t.Fatalf("in doubt %v, uncertain %v, retried %d", a.RecentUncertain, a.Uncertain, a.RetriesUsed)
				}
			},
		})
	})
}

// count returns how many of the outcomes allow a retry.
func count(outcomes []redeem.Entry) (n int) {
	for _, e := range outcomes {
		if e.Retryable {
			n++
		}
	}
	return n
}

func TestHasRedeemed(t *testing.T) {
	entries := []redeem.Entry{
		{Kind: redeem.Intent, ID: "a", Registration: "refused1"},
		{Kind: redeem.Refused, ID: "a"},
		{Kind: redeem.Intent, ID: "b", Registration: "taken222"},
		{Kind: redeem.Intent, ID: "c", Registration: "doubted3"},
		{Kind: redeem.Uncertain, ID: "c"},
		{Kind: redeem.Confirmed, ID: "b"},
		{Kind: redeem.Intent, ID: "d", Registration: "resolve4"},
		{Kind: redeem.Uncertain, ID: "d"},
		{Kind: redeem.Resolved, ID: "d", Consumed: true},
		{Kind: redeem.Intent, ID: "e"},
		{Kind: redeem.Confirmed, ID: "e"},
	}
	for fingerprint, want := range map[string]bool{"refused1": false, "taken222": true, "doubted3": false, "resolve4": true, "unknown4": false, "": false} {
		if got := redeem.HasRedeemed(entries, []string{fingerprint}); got != want {
			t.Errorf("%s: got %v, want %v", fingerprint, got, want)
		}
	}
}

func TestOtherRedeemedSince(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 11, 29, 12, minute, 0, 0, time.UTC) }
	entries := []redeem.Entry{
		{Kind: redeem.Intent, ID: "a", At: at(1), Tenant: "t", Instance: "cad/1", Registration: "before11"},
		{Kind: redeem.Confirmed, ID: "a", At: at(9)},
		{Kind: redeem.Intent, ID: "b", At: at(3), Tenant: "t", Instance: "cad/2", Registration: "half2222"},
		{Kind: redeem.Refused, ID: "b", At: at(3)},
		{Kind: redeem.Intent, ID: "c", At: at(4), Tenant: "t", Instance: "cad/2", Registration: "whole333"},
		{Kind: redeem.Confirmed, ID: "c", At: at(4)},
	}
	for _, tt := range []struct {
		name, tenant, application, fingerprint string
		since                                  int
		want                                   bool
	}{
		{"another, later", "t", "", "half2222", 2, true},
		{"another, later, of the application", "t", "cad", "half2222", 2, true},
		{"of another application", "t", "cam", "half2222", 2, false},
		{"at another tenant", "u", "", "half2222", 2, false},
		{"itself", "t", "", "whole333", 2, false},
		{"another, before", "t", "", "half2222", 5, false},
		{"sent before, and taken after", "t", "", "whole333", 2, false},
	} {
		got := redeem.OtherRedeemedSince(entries, redeem.Scope{Tenant: tt.tenant, Application: tt.application}, []string{tt.fingerprint}, at(tt.since))
		if got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}
