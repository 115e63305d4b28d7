package usage

import (
	"fmt"
	"strings"
	"time"

	"regent/agent/tms/admin"
)

// matcher has the indexes for judging.
type matcher struct {
	entries       map[string]Entry           // by identifier
	installations map[string]bool            // that gave a ledger, by ref ID 2
	byHost        map[string]hostLedger      // by FQDN, of hosts that gave a ledger
	devices       map[string]Device          // by FQDN
	near          map[string]string          // first label of a name -> a host of the inventory or the ledgers
	covered       map[ledgerOf]coverage      // how new the ledgers are
	groups        map[instance]group         // by the names that a device gives
	listed        map[string]int             // identifier -> auth tokens that have it
	hosts         map[string]map[string]bool // installation -> hosts that redeemed as it
	original      map[string]string          // installation -> the host that redeemed as it first
}

// instance is one of an application of one installation. Three installations on
// one host are three devices.
type instance struct{ host, user, refID1, refID2 string }

// group is the auth tokens of one instance.
type group struct {
	n      int
	newest admin.AuthToken
}

// hostLedger is the evidence of a host's ledgers about the host.
type hostLedger struct {
	since time.Time // the first redemption of any installation
	users map[string]bool
}

func newMatcher(in Input) *matcher {
	j := &matcher{
		entries: make(map[string]Entry, len(in.Entries)), installations: map[string]bool{}, byHost: map[string]hostLedger{},
		devices: make(map[string]Device, len(in.Devices)), groups: make(map[instance]group, len(in.Tokens)),
		covered: map[ledgerOf]coverage{}, near: map[string]string{}, listed: make(map[string]int, len(in.Tokens)), hosts: map[string]map[string]bool{}, original: map[string]string{},
	}
	for _, d := range in.Devices {
		j.devices[Host(d.FQDN)] = d
		j.near[firstLabel(d.FQDN)] = Host(d.FQDN)
	}
	for _, e := range in.Entries {
		j.addEntry(e)
	}
	first := map[string]time.Time{}
	for _, t := range in.Tokens {
		j.listed[t.Identifier]++
		g := j.groups[instanceOf(t)]
		if g.n++; g.n == 1 || newer(t, g.newest) {
			g.newest = t
		}
		j.groups[instanceOf(t)] = g
		if t.RefID2 == "" {
			continue
		}
		if j.hosts[t.RefID2] == nil {
			j.hosts[t.RefID2] = map[string]bool{}
		}
		j.hosts[t.RefID2][Host(t.FQDN)] = true
		if began, ok := first[t.RefID2]; !ok || t.Created.Before(began) { // one without a date comes first
			first[t.RefID2], j.original[t.RefID2] = t.Created, Host(t.FQDN)
			if t.Created.IsZero() {
				j.original[t.RefID2] = ""
			}
		}
	}
	for _, t := range in.Tokens { // lookUp needs all that are listed
		j.addConfirmed(t)
	}
	return j
}

func (j *matcher) addEntry(e Entry) {
	// A copied disk has the ledger of the first one, and one export may be older than
	// another. So the confirmation of one ledger is enough.
	if old := j.entries[e.Identifier]; old.Outcome != "confirmed" || e.Outcome == "confirmed" && old.ID == "" {
		j.entries[e.Identifier] = e
	}
	if e.RefID2 != "" {
		j.installations[e.RefID2] = true
	}
	j.addCoverage(e)
	h, ok := j.byHost[Host(e.FQDN)]
	if !ok {
		h = hostLedger{since: e.Created, users: map[string]bool{}}
	}
	h.users[e.UserName] = true
	if e.Created.Before(h.since) {
		h.since = e.Created
	}
	j.byHost[Host(e.FQDN)] = h
	j.near[firstLabel(e.FQDN)] = Host(e.FQDN)
}

// Host makes two spellings of a host name one: it has no capitals and no dot at its end.
func Host(fqdn string) string { return strings.ToLower(strings.TrimSuffix(fqdn, ".")) }

// firstLabel is the short form of a host name: ws1 of ws1.example.com. An address has none.
func firstLabel(fqdn string) string {
	name := Host(fqdn)
	label, _, _ := strings.Cut(name, ".")
	if strings.Trim(label, "0123456789") == "" || strings.Contains(name, ":") {
		return name
	}
	return label
}

func instanceOf(t admin.AuthToken) instance {
	return instance{Host(t.FQDN), t.UserName, t.RefID1, t.RefID2}
}

// newer reports whether a was created after b; of two at one time the identifier
// decides, so that one is left.
func newer(a, b admin.AuthToken) bool {
	if !a.Created.Equal(b.Created) {
		return a.Created.After(b.Created)
	}
	return a.Identifier > b.Identifier
}

// known is the data of ledgers and inventory about an auth token.
type known struct {
	Entry            // zero if no ledger has it
	listed    bool   // a ledger has it
	confirmed bool   // and its device has it
	disputed  bool   // several auth tokens have its identifier, and the ledger does not say which is its own
	copied    string // the ID of another auth token that has its identifier in a ledger; "" if there is none

	device      Device
	inventoried bool // device is in the inventory
	ledger      hostLedger
	reported    bool // its host gave a ledger
	own         bool // its installation gave one
}

// lookUp looks t up in the ledgers: by its ID where the ledger has it, since anybody
// can redeem with an identifier that they have seen.
func (j *matcher) lookUp(t admin.AuthToken) known {
	k := known{own: j.installations[t.RefID2]}
	k.device, k.inventoried = j.devices[Host(t.FQDN)]
	k.ledger, k.reported = j.byHost[Host(t.FQDN)]
	e, ok := j.entries[t.Identifier]
	switch {
	case ok && e.ID != "" && e.ID != t.ID:
		k.copied = e.ID
	case ok && e.ID == "" && j.listed[t.Identifier] > 1:
		k.Entry, k.disputed = e, true
	case ok:
		k.Entry, k.listed, k.confirmed = e, true, e.Outcome == "confirmed"
	}
	return k
}

// otherUser reports whether the inventory has another user of the host than the service. A
// user that one of them does not show is no other user.
func (k known) otherUser(user string) bool {
	return user != "" && k.device.User != "" && k.device.User != user
}

// judge returns the kind of an auth token in the service's list: the first that applies.
func (j *matcher) judge(t admin.AuthToken) Row {
	k := j.lookUp(t)
	for _, rule := range []func(admin.AuthToken, known) (Kind, string){j.stranger, j.accounted, j.clone, j.duplicate} {
		if kind, why := rule(t, k); kind != "" {
			return Row{t, kind, why, j.deletable(t, k, kind)}
		}
	}
	row := Row{AuthToken: t, Kind: Unknown, Why: "there is no ledger entry and no inventory row to compare it with"}
	if k.inventoried {
		row.Kind, row.Why = Expected, "its device is in the inventory"
	}
	if k.listed {
		row.Kind, row.Why = Expected, "in the ledger of its device"
	}
	return row
}

// deletable reports whether a finding is proposed for deletion. An auth token that a
// ledger confirms is not, unless the administrator's inventory says that the device is
// retired. Names alone are not enough, since anybody can copy them. An auth token that an
// installation without a ledger may have redeemed stays too, and one that may be newer than the
// ledger. So does one that the service does not assign to a registration token, and one of a
// host with a name that differs from a known one only by the domain. An unknown host needs an
// inventory. The inventory's user of a host counts only if a ledger of that host has it: else
// it may be a person.
func (j *matcher) deletable(t admin.AuthToken, k known, kind Kind) bool {
	switch {
	case t.Registration == "":
		return false
	case kind == Orphan:
		return true
	case k.confirmed, k.disputed:
		return false
	case kind == Uncertain:
		return k.Outcome != "intent"
	case k.copied != "":
		return true
	case kind == UnexpectedHost, kind == NotInLedger && !k.reported:
		return len(j.devices) > 0 && !k.inventoried && t.FQDN != "" && j.nearHost(t) == ""
	case kind == UnexpectedUser && k.otherUser(t.UserName) && k.ledger.users[k.device.User] && j.covers(ledgerOf{Host(t.FQDN), ""}, t):
		return true
	case kind == NotInLedger, kind == UnexpectedUser:
		return k.own && j.covers(ledgerOf{Host(t.FQDN), t.RefID2}, t)
	case kind == Duplicate:
		return j.lookUp(j.groups[instanceOf(t)].newest).confirmed
	}
	return false // a copy works: its administrator decides
}

// nameConflict says why a host's ledgers do not identify an auth token.
const nameConflict = "somebody else used its name, or another installation on it, of which there is no ledger here"

// stranger is an auth token with the identifier of another one, or of an unknown host. That
// needs an inventory or ledgers. If only ledgers are given, they must be all of them.
func (j *matcher) stranger(t admin.AuthToken, k known) (Kind, string) {
	switch {
	case k.disputed && k.Outcome != "confirmed":
		return NotInLedger, fmt.Sprintf("%d auth tokens have this identifier, and its device got none of them: on the device, regent ledger resolve %s --consumed", j.listed[t.Identifier], t.Identifier)
	case k.disputed:
		return NotInLedger, fmt.Sprintf("%d auth tokens have this identifier, and the ledger has one of them: export it again with regent ledger --csv, which has the ID", j.listed[t.Identifier])
	case k.copied != "":
		return NotInLedger, "it has the identifier of auth token " + k.copied + ", which is the one in the ledger"
	case k.listed || k.inventoried || k.reported || len(j.devices)+len(j.entries) == 0:
		return "", ""
	case k.own:
		return NotInLedger, "it names the installation " + t.RefID2 + " from a host that is not known, and the ledger of that installation has no such redemption"
	case j.nearHost(t) != "":
		return UnexpectedHost, "the inventory or a ledger has " + j.nearHost(t) + ": if it is this host, write its name as the service shows it"
	case t.FQDN == "":
		return UnexpectedHost, "the service shows no host"
	case len(j.devices) > 0:
		return UnexpectedHost, "no such host in the inventory"
	}
	return UnexpectedHost, "no ledger of this host, and no inventory: export the ledger, or add --devices"
}

// nearHost is a known host with the first label of t's; "" without one. One of the names may be
// the short form of the other.
func (j *matcher) nearHost(t admin.AuthToken) string { return j.near[firstLabel(t.FQDN)] }

// unexpectedUser says how the system user of t differs from the inventory's.
func unexpectedUser(t admin.AuthToken, k known) string {
	why := "the service shows the system user " + t.UserName + ", the inventory has " + k.device.User
	if !k.ledger.users[k.device.User] {
		why += "; no ledger of this host has that user: write its system user there, or remove the column user"
	}
	return why
}

// accounted compares an auth token of a known host with its ledgers and the inventory. A
// ledger is the device's account of every redemption.
func (j *matcher) accounted(t admin.AuthToken, k known) (Kind, string) {
	switch {
	case k.device.Retired:
		return Orphan, "its device is retired in the inventory"
	case k.listed && k.Outcome == "forgotten":
		return Orphan, "its device has deleted it"
	case k.listed && k.Outcome == "intent":
		return Uncertain, "its redemption was under way when the ledger was exported; export it again"
	case k.listed && k.Outcome == "uncertain":
		return Uncertain, "its device did not get the answer, but a count was used: on the device, regent ledger resolve " + k.Identifier + " --consumed; this one can be deleted"
	case k.listed:
		return "", ""
	case k.reported && t.RefID2 != "" && !k.own && admin.Before(t.Created, k.ledger.since) && len(j.hosts[t.RefID2]) < 2:
		return Orphan, "of an earlier installation of this host; the ledgers of this host begin on " + k.ledger.since.UTC().Format(time.DateOnly)
	case k.otherUser(t.UserName):
		return UnexpectedUser, unexpectedUser(t, k)
	case !k.reported:
		return "", ""
	case k.own && !j.covers(ledgerOf{Host(t.FQDN), t.RefID2}, t):
		return NotInLedger, j.older(ledgerOf{Host(t.FQDN), t.RefID2}, t)
	case t.UserName != "" && !k.ledger.users[t.UserName] && k.own:
		return UnexpectedUser, "the ledger of this installation has no redemption of this user"
	case t.UserName != "" && !k.ledger.users[t.UserName]:
		return UnexpectedUser, "no ledger of this host has a redemption of this user: " + nameConflict
	case k.own:
		return NotInLedger, "the ledger of this installation has no such redemption: somebody else used its names"
	}
	return NotInLedger, "no ledger of this host has such a redemption: " + nameConflict
}

func (j *matcher) clone(t admin.AuthToken, k known) (Kind, string) {
	if t.RefID2 == "" || len(j.hosts[t.RefID2]) < 2 || j.original[t.RefID2] == Host(t.FQDN) {
		return "", ""
	}
	if j.original[t.RefID2] == "" {
		return Clone, "the installation is on several hosts; the service does not tell on which it was first"
	}
	why := "the installation was first on " + j.original[t.RefID2] + ": a copied disk or image, or a host that was renamed"
	if k.confirmed {
		why += "; its own ledger confirms it"
	}
	return Clone, why
}

// duplicate is one of several auth tokens of one instance. Which of them its device
// uses only a ledger says: the names are the same, and a stranger can copy them.
func (j *matcher) duplicate(t admin.AuthToken, k known) (Kind, string) {
	g := j.groups[instanceOf(t)]
	if t.RefID1 == "" || g.n < 2 {
		return "", ""
	}
	last := j.lookUp(g.newest)
	switch {
	case last.confirmed && g.newest.ID != t.ID:
		if t.Created.IsZero() || g.newest.Created.IsZero() {
			return Duplicate, "its device holds another one for " + t.RefID1 + "; the service does not tell which is newer"
		}
		return Duplicate, "its device redeemed " + t.RefID1 + " again on " + g.newest.Created.UTC().Format("2006-01-02 15:04")
	case k.listed || last.confirmed:
		return "", ""
	}
	return Duplicate, fmt.Sprintf("%d auth tokens have these names; only the ledger of the device says which one it uses", g.n)
}
