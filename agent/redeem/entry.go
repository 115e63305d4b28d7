package redeem

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"regent/agent/status"
	"regent/agent/timing"
	"regent/agent/token"
)

// Kind is the kind of a ledger entry. Its text is the ledger's format.
type Kind = status.LedgerKind

// The kinds of entries. Exactly one of confirmed, refused, unused and uncertain follows an
// intent. At most one resolved follows an uncertain entry. At most one forgotten follows a
// confirmed entry. At most one compared follows an unconfirmed one.
const (
	Intent    Kind = "intent"    // a redemption follows
	Confirmed Kind = "confirmed" // an auth token was received and is durable
	Refused   Kind = "refused"   // the service refused: no count was used
	Unused    Kind = "unused"    // it cannot have used a count
	Uncertain Kind = "uncertain" // it may have used a count
	Resolved  Kind = "resolved"  // a person decided: `consumed` is the decision
	Asked     Kind = "asked"     // a person decided to use another count
	Forgotten Kind = "forgotten" // the auth token was deleted from this device
	Compared  Kind = "compared"  // a person looked for it in the service's list: `consumed` is set if it is there

	// Unregistered follows the entries of a registration that ended. It has no ID, tenant and
	// instance.
	Unregistered Kind = "unregistered" // this device deleted all its tokens and its data key
)

// Entry is one line of the ledger. It contains no secret.
type Entry = status.LedgerEntry

// A line is the entry's JSON object with one more member at its end, the chain. The chain
// is an HMAC over the previous chain and the object without this member. It is checked
// over the bytes of the file, so it detects every changed byte.
const (
	chainPrefix = `,"chain":"`
	chainSuffix = `"}`
	chainSize   = sha256.Size * 2
	suffixSize  = len(chainPrefix) + chainSize + len(chainSuffix)
	maxLine     = 16 << 10
)

// encodeLine returns the line for e, without its newline, and its chain.
func encodeLine(key []byte, before string, e Entry) (line []byte, chain string, err error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, "", fmt.Errorf("encode ledger entry: %w", err)
	}
	if len(body)+suffixSize > maxLine {
		return nil, "", fmt.Errorf("ledger entry has %d bytes, at most %d fit", len(body), maxLine-suffixSize)
	}
	chain = mac(key, before, body)
	line = append(body[:len(body)-1:len(body)-1], chainPrefix+chain+chainSuffix...)
	return line, chain, nil
}

// encodeLines returns the lines of entries behind the line that ends in end, and their end.
func encodeLines(key []byte, end head, entries []Entry) (lines []byte, _ head, err error) {
	for _, e := range entries {
		line, chain, err := encodeLine(key, end.Chain, e)
		if err != nil {
			return nil, head{}, err
		}
		lines = append(append(lines, line...), '\n')
		end = head{e.Seq, chain}
	}
	return lines, end, nil
}

// decodeLine checks line against the chain before it, and returns the entry and
// its chain.
func decodeLine(key []byte, before string, line []byte) (Entry, string, error) {
	if len(line) <= suffixSize || len(line) > maxLine {
		return Entry{}, "", fmt.Errorf("line has %d bytes", len(line))
	}
	cut := len(line) - suffixSize
	suffix := string(line[cut:])
	chain := strings.TrimSuffix(strings.TrimPrefix(suffix, chainPrefix), chainSuffix)
	if len(chain) != chainSize {
		return Entry{}, "", fmt.Errorf("line does not end in its chain")
	}
	body := append(line[:cut:cut], '}')
	if !hmac.Equal([]byte(mac(key, before, body)), []byte(chain)) {
		return Entry{}, "", fmt.Errorf("line was altered, or one before it was removed")
	}
	var e Entry
	if err := json.Unmarshal(body, &e); err != nil {
		return Entry{}, "", fmt.Errorf("decode ledger entry: %w", err)
	}
	return e, chain, nil
}

// decodeLines verifies data line by line. rest is the data after the last newline. err says
// why a whole line is invalid.
func decodeLines(key, data []byte) (entries []Entry, ends []head, rest []byte, err error) {
	chain, n := "", bytes.Count(data, []byte{'\n'})
	entries, ends = make([]Entry, 0, n), make([]head, 0, n)
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return entries, ends, data, nil
		}
		e, next, err := decodeLine(key, chain, data[:i])
		if err == nil && e.Seq != uint64(len(entries))+1 {
			err = fmt.Errorf("its number is %d", e.Seq)
		}
		if err != nil {
			return entries, ends, data, fmt.Errorf("line %d: %w", len(entries)+1, err)
		}
		chain = next
		entries = append(entries, e)
		ends = append(ends, head{e.Seq, chain})
		data = data[i+1:]
	}
}

func mac(key []byte, before string, body []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(before))
	h.Write([]byte{0})
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// Account is the state of one instance by the ledger.
type Account struct {
	Open            []Entry // intents without an outcome: the process ended in between
	Uncertain       []Entry // uncertain outcomes that nobody has resolved
	RecentUncertain []Entry // the part of Uncertain after the last confirmed outcome: it decides the state
	Confirmed       int     // counts that returned an auth token
	FoundConsumed   int     // uncertain redemptions that a person found consumed
	RetriesUsed     int     // uncertain outcomes that allowed a retry
	Last            Entry   // the last outcome, for its reason
	ManualOnly      bool    // a person found it consumed, or deleted it: only a person redeems again
	Requested       bool    // a person decided to use another count, which is not used yet
	CurrentIntent   string  // the intent of the auth token that must be stored: confirmed, not forgotten
}

// BuildAccounts reads the ledger and returns an account for each instance. It is pure.
func BuildAccounts(entries []Entry) map[token.Instance]Account {
	accounts := map[token.Instance]Account{}
	for _, e := range entries {
		applyEntry(accounts, e)
	}
	return accounts
}

// applyEntry updates the accounts with the next entry.
func applyEntry(accounts map[token.Instance]Account, e Entry) {
	if e.Kind == Unregistered {
		for id, a := range accounts {
			accounts[id] = a.unregistered()
		}
	}
	if id, err := e.InstanceID(); err == nil { // otherwise it may be a line of a newer version
		accounts[id] = accounts[id].apply(e)
	}
}

// unregistered is the account after its device was unregistered: only the used counts stay.
func (a Account) unregistered() Account {
	return Account{Confirmed: a.Confirmed, FoundConsumed: a.FoundConsumed, Uncertain: slices.Concat(a.Uncertain, a.Open)}
}

// sinceUnregistered returns the entries after the last [Unregistered].
func sinceUnregistered(entries []Entry) []Entry {
	for i, e := range slices.Backward(entries) {
		if e.Kind == Unregistered {
			return entries[i+1:]
		}
	}
	return entries
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
		a.Requested = false // it may have been the requested redemption
		if e.Retryable {
			a.RetriesUsed++
		}
	case Resolved:
		a = a.applyResolved(e)
	case Asked:
		// An auth token that was redeemed during the decision is the wanted one.
		a.Requested = a.Requested || e.Replaces == a.CurrentIntent
		return a
	case Forgotten:
		if a.CurrentIntent == "" || a.CurrentIntent == e.ID { // otherwise another one was redeemed in between
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

// applyResolved is the account after a person decided about one redemption. Other uncertain
// redemptions stay uncertain. The decision does not renew the budget, and one unused count
// does not outweigh a used one.
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

// failureRun is the run of failures at the end of an instance's entries.
type failureRun struct {
	failures     int    // in a row, of the kind that Regent retries
	last         Entry  // the last failure
	registration string // fingerprint of the registration token that was sent
}

// asked returns the pause that the service asked for after the last failure.
func (r failureRun) asked() time.Duration {
	asked := time.Duration(r.last.RetryAfter) * time.Second
	if r.last.Status == 429 {
		asked = max(asked, timing.DefaultRetryAfter)
	}
	return asked
}

// failureRuns returns the run of failures of each instance: the answers at the end of its
// entries after which Regent retries. A redemption that was not sent neither counts nor ends
// a run. A person's decision ends it. It is pure.
func failureRuns(entries []Entry) map[token.Instance]failureRun {
	runs, sent := map[token.Instance]failureRun{}, map[string]string{}
	for _, e := range sinceUnregistered(entries) {
		id, err := e.InstanceID()
		switch {
		case err != nil:
		case e.Kind == Intent:
			sent[e.ID] = e.Registration
		case e.Status != 0 && (e.Kind == Unused || e.Kind == Uncertain && e.Retryable):
			runs[id] = failureRun{runs[id].failures + 1, e, sent[e.ID]}
		case e.Kind != Unused:
			delete(runs, id)
		}
	}
	return runs
}

// oldestUncertain returns for each tenant the oldest redemption that may have used a count
// and is not resolved. doubtful has the instances with such redemptions. It is pure.
func oldestUncertain(accounts map[token.Instance]Account, doubtful map[token.Instance]bool) map[string]Entry {
	oldest := map[string]Entry{}
	for id := range doubtful {
		a := accounts[id]
		for _, e := range slices.Concat(a.RecentUncertain, a.Open) {
			if known, ok := oldest[id.Tenant]; !ok || e.Seq < known.Seq {
				oldest[id.Tenant] = e
			}
		}
	}
	return oldest
}

// removeID returns the entries without the one with the id, in a new slice.
func removeID(entries []Entry, id string) []Entry {
	var out []Entry
	for _, e := range entries {
		if e.ID != id {
			out = append(out, e)
		}
	}
	return out
}

// HasRedeemed reports whether the registration token with these names (see
// [token.Fingerprints]) was redeemed for an auth token since this device was unregistered.
func HasRedeemed(entries []Entry, names []string) bool {
	return bought(entries, true, func(e Entry) bool { return e.Registration != "" && slices.Contains(names, e.Registration) })
}

// OtherRedeemedSince reports whether an intent after since redeemed a registration token
// for the scope other than the one with the names.
func OtherRedeemedSince(entries []Entry, scope Scope, names []string, since time.Time) bool {
	return bought(entries, false, func(e Entry) bool {
		application, _, _ := strings.Cut(e.Instance, "/")
		return scope.Covers(token.Instance{Tenant: e.Tenant, Application: application}) && !slices.Contains(names, e.Registration) && e.At.After(since)
	})
}

// bought reports whether one of the intents got an auth token, by the service's
// confirmation or, if resolved is set, by a person's decision.
func bought(entries []Entry, resolved bool, which func(intent Entry) bool) bool {
	sent := map[string]bool{}
	for _, e := range sinceUnregistered(entries) {
		switch {
		case e.Kind == Intent && which(e):
			sent[e.ID] = true
		case sent[e.ID] && (e.Kind == Confirmed || resolved && e.Kind == Resolved && e.Consumed):
			return true
		}
	}
	return false
}
