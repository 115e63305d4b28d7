// Package usage calculates with counts: who used them, and how many a fleet needs.
//
// Investigate joins the service's list of auth tokens with the ledgers of devices and
// an inventory. NewPlan and NewForecast calculate registration tokens. The package is
// pure: it reads no file and asks no service.
package usage

import (
	"cmp"
	"slices"
	"strings"

	"regent/agent/tms/admin"
)

// Entry is a redemption as the ledger of a device has it. Created is when it began; ID is
// "" if the ledger does not have it.
type Entry struct {
	admin.AuthToken
	Outcome string // confirmed, forgotten, uncertain, intent, refused, unused, resolved_…
}

// Device is one that the administrator's inventory has.
type Device struct {
	FQDN    string
	User    string // the system user that is expected; "" is any
	Retired bool   // the device no longer exists
}

// Input is what is known. Entries and Devices may be empty; what cannot be told
// without them is not guessed.
type Input struct {
	Tokens  []admin.AuthToken
	Entries []Entry
	Devices []Device
}

// Kind is what a finding is about.
type Kind string

// The kinds of findings. An auth token has at most one of them: the first here
// that holds.
const (
	UnexpectedHost   Kind = "unexpected_host" // neither inventory nor ledgers know the host
	Orphan           Kind = "orphan"          // its device or installation no longer exists, or has wiped it
	UnexpectedUser   Kind = "unexpected_user" // not the user that the device redeems as
	Uncertain        Kind = "uncertain"       // the device never learned that it got it
	Clone            Kind = "clone"           // one installation on more than one host: a copied disk
	Duplicate        Kind = "duplicate"       // several auth tokens of one instance of one device
	Unaccounted      Kind = "unaccounted"     // it has the names of a device whose ledger does not have it
	MissingAtService Kind = "not_there"       // the device holds it, and the service does not have it: deleted
	NoCountUsed      Kind = "not_used"        // uncertain to the device, and not at the service: no count was used

	Expected Kind = "expected" // not a finding: known to a ledger, or to the inventory
	Unknown  Kind = "unknown"  // not a finding: nothing was given to compare it with
)

// Kinds returns all kinds in the order in which they are shown.
func Kinds() []Kind {
	return []Kind{
		Unaccounted, UnexpectedUser, UnexpectedHost, Clone, Uncertain, Orphan, Duplicate, MissingAtService, NoCountUsed, Unknown, Expected,
	}
}

// Row is one auth token, or an entry of a ledger without one, and what it is.
type Row struct {
	admin.AuthToken // ID is "" if the service does not have it
	Kind            Kind
	Why             string // in words, for a person
	Delete          bool   // it is proposed for deletion
}

// Report is what was found, rows in the order of their creation.
type Report struct {
	Rows   []Row
	Counts map[Kind]int
}

// Anomalies are the rows that somebody has to look at, by kind and creation: what
// claims the names of a known device comes first.
func (r Report) Anomalies() []Row {
	var rows []Row
	for _, row := range r.Rows {
		if row.Kind != Expected && row.Kind != Unknown {
			rows = append(rows, row)
		}
	}
	rank := map[Kind]int{}
	for i, k := range Kinds() {
		rank[k] = i
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(rank[a.Kind], rank[b.Kind]) })
	return rows
}

// Investigate joins.
func Investigate(in Input) Report {
	j := newMatcher(in)
	report := Report{Counts: map[Kind]int{}}
	add := func(row Row) {
		report.Rows = append(report.Rows, row)
		report.Counts[row.Kind]++
	}
	listed := map[string]bool{}
	for _, t := range in.Tokens {
		listed[t.Identifier] = true
		add(j.judge(t))
	}
	for _, e := range in.Entries {
		if listed[e.Identifier] {
			continue
		}
		if kind, why := judgeMissing(e); kind != "" {
			e.ID = "" // the service does not have it
			add(Row{e.AuthToken, kind, why, false})
		}
	}
	slices.SortStableFunc(report.Rows, func(a, b Row) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.Identifier, b.Identifier))
	})
	return report
}

// judgeMissing judges an entry whose identifier the service does not list.
func judgeMissing(e Entry) (Kind, string) {
	switch e.Outcome {
	case "confirmed", "resolved_consumed":
		return MissingAtService, "the device redeemed it, and the service has it no more: it was deleted there"
	case "uncertain", "intent":
		return NoCountUsed, "uncertain to the device, and not at the service: on the device, regent ledger resolve " + e.Identifier + " --not-consumed"
	}
	return "", "" // refused, unused, forgotten and deleted: no count to look for
}
