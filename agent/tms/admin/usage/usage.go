// Package usage calculates with counts: who used them, and how many a fleet needs.
//
// Investigate joins the service's list of auth tokens with the ledgers of devices and
// an inventory. NewPlan and NewForecast calculate registration tokens. The package is
// pure: it reads no file and asks no service.
package usage

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"regent/agent/tms"
	"regent/agent/tms/admin"
)

// Entry is a redemption as the ledger of a device has it. Created is when it began; ID is
// "" if the ledger does not have it.
type Entry struct {
	admin.AuthToken
	Outcome  string    // confirmed, forgotten, uncertain, intent, refused, unused, resolved_…
	Exported time.Time // of the ledger, by the device's clock; zero if it does not tell
}

// Device is one that the administrator's inventory has.
type Device struct {
	FQDN    string
	User    string // the system user that is expected; "" is any
	Retired bool   // the device no longer exists
}

// Input has the known facts. Entries and Devices may be empty. Then findings that need
// them are missing.
type Input struct {
	Tokens  []admin.AuthToken
	Entries []Entry
	Devices []Device
	// Others are auth tokens of other registration tokens: a ledger has the redemptions of
	// all. They are needed if Missing.
	Others []admin.AuthToken
}

// Missing reports whether a ledger has a redemption that Tokens do not have, but should, if
// it is one of their registration token.
func (in Input) Missing() bool {
	listed := identifiers(in.Tokens)
	return slices.ContainsFunc(in.Entries, func(e Entry) bool {
		kind, _ := judgeMissing(e)
		return kind != "" && !listed[e.Identifier]
	})
}

func identifiers(all ...[]admin.AuthToken) map[string]bool {
	out := map[string]bool{}
	for _, tokens := range all {
		for _, t := range tokens {
			out[t.Identifier] = true
		}
	}
	return out
}

// Kind is the result of the comparison of one auth token, or of one ledger entry without an
// auth token. Each kind but Expected and Unknown is a finding.
type Kind string

// The results. An auth token has the first one here that applies. MissingAtService and
// NoCountUsed are the results of ledger entries without an auth token.
const (
	UnexpectedHost   Kind = "unexpected_host"    // neither inventory nor ledgers know the host
	Orphan           Kind = "orphan"             // its device or installation no longer exists, or has deleted it
	UnexpectedUser   Kind = "unexpected_user"    // not the user that the device redeems as
	Uncertain        Kind = "uncertain"          // the device never learned that it got it
	Clone            Kind = "clone"              // one installation on more than one host: a copied disk
	Duplicate        Kind = "duplicate"          // several auth tokens of one instance of one device
	NotInLedger      Kind = "not_in_ledger"      // it has the names of a device, but is not in the ledger of that device
	MissingAtService Kind = "missing_at_service" // the device has it, and the service does not have it: deleted
	NoCountUsed      Kind = "no_count_used"      // uncertain to the device, and not at the service: no count was used

	Expected Kind = "expected" // not a finding: known to a ledger, or to the inventory
	Unknown  Kind = "unknown"  // not a finding: nothing was given to compare it with
)

// Row is one auth token, or an entry of a ledger without one, and its kind.
type Row struct {
	admin.AuthToken // ID is "" if the service does not have it
	Kind            Kind
	Why             string // in words, for a person
	Delete          bool   // it is proposed for deletion
}

// Report has the findings, in the order of creation.
type Report struct {
	Rows   []Row
	Counts map[Kind]int
}

// Anomalies are the rows to check, by kind and creation. Rows with the names of a known
// device come first.
func (r Report) Anomalies() []Row {
	rows := slices.DeleteFunc(slices.Clone(r.Rows), func(row Row) bool { return row.Kind == Expected || row.Kind == Unknown })
	kinds := Kinds()
	rank := func(k Kind) int { return slices.Index(kinds, k) }
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(rank(a.Kind), rank(b.Kind)) })
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
	listed := identifiers(in.Tokens, in.Others)
	for _, t := range in.Tokens {
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

// judgeMissing judges an entry that the service does not list by its identifier.
func judgeMissing(e Entry) (Kind, string) {
	switch e.Outcome {
	case "confirmed", "resolved_consumed":
		return MissingAtService, "the device redeemed it, and the service has it no more: it was deleted there"
	case "uncertain", "intent":
		return NoCountUsed, "uncertain to the device, and not at the service: on the device, regent ledger resolve " + e.Identifier + " --not-consumed"
	}
	return "", "" // refused, unused, forgotten and deleted: no count to look for
}

// Need is the fleet to plan for.
type Need struct {
	Devices   int
	Instances int       // of licensed applications on each device, which may run at the same time
	Spare     int       // per cent, for reinstalled devices
	Rollout   int       // days until the last device has redeemed; 0 is 30
	Now       time.Time // the service's
}

// PlannedToken is a registration token to create.
type PlannedToken struct {
	Count   int
	Make    time.Time // the day on which to make it
	Expires time.Time // its last day
}

// Plan is a plan for a rollout.
type Plan struct {
	Counts int // in all
	Spare  int // of them
	// Tokens is one, or several after each other when the rollout is longer than
	// a registration token can live.
	Tokens []PlannedToken
}

// NewPlan calculates a plan.
func NewPlan(n Need) (Plan, error) {
	switch {
	case n.Devices < 1 || n.Instances < 1:
		return Plan{}, errors.New("devices and instances must be at least 1: add --devices N and --instances N")
	case n.Spare < 0 || n.Spare > 100:
		return Plan{}, fmt.Errorf("spare %d: must be 0 to 100 per cent", n.Spare)
	case n.Rollout < 0 || n.Rollout > 365:
		return Plan{}, fmt.Errorf("rollout %d: must be 1 to 365 days", n.Rollout)
	case n.Devices > admin.MaxCount/n.Instances/2:
		return Plan{}, fmt.Errorf("%d devices of %d instances: more than any tenant has", n.Devices, n.Instances)
	}
	days := n.Rollout
	if days == 0 {
		days = longest(n.Now)
	}
	need := n.Devices * n.Instances
	p := Plan{Spare: (need*n.Spare + 99) / 100}
	p.Counts = need + p.Spare
	// Each token lives as long as possible. The first one has the rest of the division.
	pieces := (days + longest(n.Now) - 1) / longest(n.Now)
	start := n.Now.UTC().Truncate(24 * time.Hour)
	for i := range pieces {
		count := p.Counts / pieces
		if i < p.Counts%pieces {
			count++
		}
		life := min(days, longest(n.Now))
		p.Tokens = append(p.Tokens, PlannedToken{count, start, start.AddDate(0, 0, life)})
		start, days = start.AddDate(0, 0, life), days-life
	}
	return p, nil
}

// longest is how many days a registration token can live.
func longest(now time.Time) int {
	_, last := admin.ExpiryBounds(now)
	return int(last.Sub(now.UTC().Truncate(24*time.Hour)) / (24 * time.Hour))
}

// SessionCost is the cost in counts if the identity provider ends each session after a
// time: each instance then needs another count, or offline tokens.
type SessionCost struct {
	Max      time.Duration // of a session
	EachEnd  int           // counts that all instances need after each end
	Always   int           // counts in 30 days to be served all the time
	ByItself int           // counts in 30 days that on_refresh_expired: redeem spends at most
}

// month is the time in which a device uses by itself at most one count for each instance.
const month = 30 * 24 * time.Hour

// NewSessionCost calculates the cost of a session maximum for the devices of n, without
// spares.
func NewSessionCost(n Need, session time.Duration) (SessionCost, error) {
	if session < time.Minute || session > 10*365*24*time.Hour {
		return SessionCost{}, errors.New("must be 1 minute to 10 years")
	}
	need := n.Devices * n.Instances
	inMonth := func(every time.Duration) int { // rounded up
		return int((int64(need)*int64(month/time.Second) + int64(every/time.Second) - 1) / int64(every/time.Second))
	}
	return SessionCost{Max: session, EachEnd: need, Always: inMonth(session), ByItself: inMonth(max(session, month))}, nil
}

// Forecast is the future use of a registration token at its present rate.
type Forecast struct {
	Left    int
	AtMost  bool      // the service does not show used counts: Left and Lapsing are upper bounds
	Undated int       // auth tokens without a creation date: PerDay and the values from it are unknown
	Early   bool      // redemptions of less than a day: PerDay and the values from it are unknown
	PerDay  float64   // redemptions a day, over the last 7 days or since it was made
	UsedUp  time.Time // the day on which no count is left; zero if that is not before its end
	Lapsing int       // counts that are left at its end, and lapse
}

// day is the shortest time that says how many are redeemed a day. It is longer than the doubt
// of a time without a zone.
const day = 24 * time.Hour

// window is how far back the present rate looks.
const window = 7 * 24 * time.Hour

// NewForecast forecasts from the auth tokens of a registration token. If the service does
// not tell the used counts, each auth token counts as one.
func NewForecast(r admin.RegistrationToken, tokens []admin.AuthToken, now time.Time) Forecast {
	used := r.Used
	if !r.UsedKnown {
		used = len(tokens)
	}
	f := Forecast{Left: max(0, r.Count-used), AtMost: !r.UsedKnown}
	from := now.Add(-window)
	if r.Created.After(from) {
		from = r.Created
	}
	var recent []time.Time
	for _, t := range tokens {
		switch {
		case t.Created.IsZero():
			f.Undated++
		case !admin.Before(t.Created, from) && !t.Created.After(latest(t.Created, now)):
			recent = append(recent, t.Created)
		}
	}
	elapsed := now.Sub(from)
	span := elapsed
	if len(recent) > 0 {
		span = slices.MaxFunc(recent, time.Time.Compare).Sub(slices.MinFunc(recent, time.Time.Compare))
	}
	if f.Early = f.Undated == 0 && span < day; f.Undated > 0 || f.Early {
		return f
	}
	f.PerDay = float64(len(recent)) / (float64(max(elapsed, span)) / float64(day))
	end := r.Expires.AddDate(0, 0, 1)
	if r.Expires.IsZero() || !now.Before(end) {
		return f
	}
	will := int(f.PerDay * float64(end.Sub(now)) / float64(day))
	f.Lapsing = max(0, f.Left-will)
	if f.Lapsing == 0 && f.PerDay > 0 {
		f.UsedUp = now.Add(time.Duration(float64(f.Left) / f.PerDay * float64(day))).UTC().Truncate(day)
	}
	return f
}

// latest is the latest time of the service that may be now, in the zone of t or without one.
func latest(t, now time.Time) time.Time {
	if !admin.HasZone(t) {
		return now.Add(tms.ZoneSpan)
	}
	return now
}

// Choice is a way to hand out registration tokens, with its advantages.
type Choice struct{ Way, For, Against string }

// Choices are the two ways, the recommended one first: one shared token for a
// managed fleet, and separate ones for recipients that nobody manages together.
func Choices(managed bool) []Choice {
	c := []Choice{
		{"one shared token", "one file for all devices, one count to watch, spare counts are shared", "a leak can use all counts, and you cannot see who leaked it. Disabling or deleting it may end all its auth tokens"},
		{"one for each recipient", "you see the usage of each, can disable one alone, and each has its own counts. Only its own auth tokens may end with it", "more to distribute, and spare counts cannot be moved"},
	}
	if !managed {
		slices.Reverse(c)
	}
	return c
}
