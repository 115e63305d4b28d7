package redeem

import (
	"slices"
	"strings"
	"time"

	"regent/agent/instance"
)

// Account is what the ledger says of one instance.
type Account struct {
	Open            []Entry // intents without an outcome: the process died in between
	Uncertain       []Entry // uncertain outcomes that nobody has resolved
	RecentUncertain []Entry // those of them since the last confirmed one: they decide the state
	Confirmed       int     // counts that bought an auth token
	FoundConsumed   int     // uncertain ones that a person found consumed
	RetriesUsed     int     // outcomes in doubt that allowed a retry: the budget used
	Last            Entry   // the last outcome, for its reason
	ManualOnly      bool    // a person said "consumed", or wiped it: only a person redeems again
	Requested       bool    // a person decided to spend another count, and none has been since
	CurrentIntent   string  // the intent of the auth token that must be held: confirmed, not forgotten
}

// BuildAccounts reads the ledger and returns an account for each instance. It is pure.
func BuildAccounts(entries []Entry) map[instance.ID]Account {
	accounts := map[instance.ID]Account{}
	for _, e := range entries {
		id, err := e.InstanceID()
		if err != nil {
			continue // a chained line that this version does not know the form of
		}
		accounts[id] = accounts[id].apply(e)
	}
	return accounts
}

// apply is the account after e.
func (a Account) apply(e Entry) Account {
	switch e.Kind {
	case Intent:
		a.Open = append(a.Open, e)
		return a
	case Confirmed:
		a.Confirmed++
		a.RetriesUsed = 0
		a.RecentUncertain = nil
		a.ManualOnly, a.Requested = false, false
		a.CurrentIntent = e.ID
	case Uncertain:
		a.Uncertain = append(a.Uncertain, e)
		a.RecentUncertain = append(a.RecentUncertain, e)
		a.Requested = false // it may have been what was asked for
		if e.Retryable {
			a.RetriesUsed++
		}
	case Resolved:
		a = a.applyResolved(e)
	case Asked:
		// One that was bought while the person decided is what they wanted.
		a.Requested = a.Requested || e.Replaces == a.CurrentIntent
		return a
	case Forgotten:
		if a.CurrentIntent == "" || a.CurrentIntent == e.ID { // else another was bought meanwhile
			a.CurrentIntent, a.ManualOnly = "", true
		}
	case Compared:
		return a
	case Refused, Unused:
	}
	a.Open = removeID(a.Open, e.ID)
	a.Last = e
	return a
}

// applyResolved is the account after a person decided about one redemption. Others
// that are in doubt stay so: neither is the budget renewed by that, nor does one
// that was not consumed outweigh one that was.
func (a Account) applyResolved(e Entry) Account {
	a.Uncertain = removeID(a.Uncertain, e.ID)
	a.RecentUncertain = removeID(a.RecentUncertain, e.ID)
	if len(a.RecentUncertain) == 0 {
		a.RetriesUsed = 0
	}
	if e.Consumed {
		a.FoundConsumed++
		a.ManualOnly = true
	}
	return a
}

// oldestUncertain returns for each tenant the oldest redemption that may have used a
// count and that nobody has decided about. It is pure.
func oldestUncertain(accounts map[instance.ID]Account) map[string]Entry {
	oldest := map[string]Entry{}
	for id, a := range accounts {
		for _, e := range slices.Concat(a.RecentUncertain, a.Open) {
			if known, ok := oldest[id.Tenant]; !ok || e.Seq < known.Seq {
				oldest[id.Tenant] = e
			}
		}
	}
	return oldest
}

// removeID returns entries less the one with the id, in a new slice.
func removeID(entries []Entry, id string) []Entry {
	var out []Entry
	for _, e := range entries {
		if e.ID != id {
			out = append(out, e)
		}
	}
	return out
}

// HasRedeemed reports whether the registration token with the names, as by
// [token.Fingerprints], has bought an auth token.
func HasRedeemed(entries []Entry, names []string) bool {
	sent := map[string]bool{}
	for _, e := range entries {
		switch {
		case e.Kind == Intent && e.Registration != "" && slices.Contains(names, e.Registration):
			sent[e.ID] = true
		case sent[e.ID] && (e.Kind == Confirmed || e.Kind == Resolved && e.Consumed):
			return true
		}
	}
	return false
}

// OtherRedeemedSince reports whether the service has redeemed another registration token
// than that with the names for the scope, by an intent after since.
func OtherRedeemedSince(entries []Entry, scope Scope, names []string, since time.Time) bool {
	sent := map[string]bool{}
	for _, e := range entries {
		application, _, _ := strings.Cut(e.Instance, "/")
		switch {
		case e.Kind == Intent && e.Tenant == scope.Tenant && (scope.Application == "" || scope.Application == application) &&
			!slices.Contains(names, e.Registration) && e.At.After(since):
			sent[e.ID] = true
		case sent[e.ID] && e.Kind == Confirmed:
			return true
		}
	}
	return false
}
