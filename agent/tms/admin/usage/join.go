package usage

import (
	"strings"
	"time"

	"regent/agent/tms/admin"
)

// join is what is looked up while judging.
type join struct {
	entries  map[string]Entry      // by identifier
	byHost   map[string]hostLedger // by FQDN, of hosts that gave a ledger
	devices  map[string]Device     // by FQDN
	newest   map[instance]admin.AuthToken
	hosts    map[string]map[string]bool // installation -> hosts that redeemed as it
	original map[string]string          // installation -> the host that redeemed as it first
}

// instance is one of an application on one device.
type instance struct{ host, user, refID1 string }

// hostLedger is what the ledger of a host says of the host.
type hostLedger struct {
	installation string // the latest
	since        time.Time
	users        map[string]bool
}

func newJoin(in Input) *join {
	j := &join{
		entries: make(map[string]Entry, len(in.Entries)), byHost: map[string]hostLedger{},
		devices: make(map[string]Device, len(in.Devices)), newest: make(map[instance]admin.AuthToken, len(in.Tokens)),
		hosts: map[string]map[string]bool{}, original: map[string]string{},
	}
	for _, d := range in.Devices {
		j.devices[host(d.FQDN)] = d
	}
	for _, e := range in.Entries {
		j.learn(e)
	}
	first := map[string]time.Time{}
	for _, t := range in.Tokens {
		if key := instanceOf(t); !newer(j.newest[key], t) {
			j.newest[key] = t
		}
		if t.RefID2 == "" {
			continue
		}
		if j.hosts[t.RefID2] == nil {
			j.hosts[t.RefID2] = map[string]bool{}
		}
		j.hosts[t.RefID2][host(t.FQDN)] = true
		if began, ok := first[t.RefID2]; !ok || t.Created.Before(began) {
			first[t.RefID2], j.original[t.RefID2] = t.Created, host(t.FQDN)
		}
	}
	return j
}

func (j *join) learn(e Entry) {
	j.entries[e.Identifier] = e
	h := j.byHost[host(e.FQDN)]
	if h.users == nil {
		h.users = map[string]bool{}
	}
	h.users[e.UserName] = true
	if e.RefID2 != "" && !e.Began.Before(h.since) {
		h.installation, h.since = e.RefID2, e.Began
	}
	j.byHost[host(e.FQDN)] = h
}

// host makes two spellings of a name one.
func host(fqdn string) string { return strings.ToLower(strings.TrimSuffix(fqdn, ".")) }

func instanceOf(t admin.AuthToken) instance { return instance{host(t.FQDN), t.UserName, t.RefID1} }

// newer reports whether a was created after b; of two at one time the identifier
// decides, so that one is left.
func newer(a, b admin.AuthToken) bool {
	if !a.Created.Equal(b.Created) {
		return a.Created.After(b.Created)
	}
	return a.Identifier > b.Identifier
}

// judge says what an auth token of the service's list is: the first that holds.
func (j *join) judge(t admin.AuthToken) (Kind, string) {
	entry, inLedger := j.entries[t.Identifier]
	for _, rule := range []func(admin.AuthToken, Entry, bool) (Kind, string){
		j.unexpectedHost, j.orphan, j.unexpectedUser, j.uncertain, j.clone, j.duplicate, j.unaccounted,
	} {
		if kind, why := rule(t, entry, inLedger); kind != "" {
			return kind, why
		}
	}
	if inLedger {
		return Expected, "in the ledger of its device"
	}
	if _, ok := j.devices[host(t.FQDN)]; ok {
		return Expected, "its device is in the inventory"
	}
	return Unknown, "nothing was given to compare it with"
}

// unexpectedHost needs an inventory or ledgers. Who gives only ledgers says that
// they are all of them.
func (j *join) unexpectedHost(t admin.AuthToken, _ Entry, inLedger bool) (Kind, string) {
	_, inInventory := j.devices[host(t.FQDN)]
	_, gaveLedger := j.byHost[host(t.FQDN)]
	if inLedger || inInventory || gaveLedger || len(j.devices)+len(j.entries) == 0 {
		return "", ""
	}
	if len(j.devices) > 0 {
		return UnexpectedHost, "no such host in the inventory"
	}
	return UnexpectedHost, "no ledger of this host"
}

func (j *join) orphan(t admin.AuthToken, e Entry, inLedger bool) (Kind, string) {
	if j.devices[host(t.FQDN)].Retired {
		return Orphan, "its device is retired in the inventory"
	}
	if inLedger && e.Outcome == "forgotten" {
		return Orphan, "its device has wiped it"
	}
	h, ok := j.byHost[host(t.FQDN)]
	if ok && !inLedger && t.RefID2 != "" && h.installation != "" && t.RefID2 != h.installation && t.Created.Before(h.since) && j.installedOnce(t) {
		return Orphan, "of an earlier installation of this host, which is " + h.installation + " now"
	}
	return "", ""
}

// installedOnce reports whether an installation was on one host only: else it is
// a copy, and not an earlier state of this one.
func (j *join) installedOnce(t admin.AuthToken) bool { return len(j.hosts[t.RefID2]) < 2 }

func (j *join) unexpectedUser(t admin.AuthToken, _ Entry, inLedger bool) (Kind, string) {
	if inLedger {
		return "", ""
	}
	if d, ok := j.devices[host(t.FQDN)]; ok && d.User != "" && d.User != t.UserName {
		return UnexpectedUser, "the inventory expects the user " + d.User
	}
	if h, ok := j.byHost[host(t.FQDN)]; ok && !h.users[t.UserName] {
		return UnexpectedUser, "this host's ledger has no redemption of this user"
	}
	return "", ""
}

func (j *join) uncertain(_ admin.AuthToken, e Entry, inLedger bool) (Kind, string) {
	if inLedger && (e.Outcome == "uncertain" || e.Outcome == "intent") {
		return Uncertain, "the device never learned of it, but a count was used: on the device, regent ledger resolve " + e.Identifier + " --consumed; this one can be deleted"
	}
	return "", ""
}

func (j *join) clone(t admin.AuthToken, _ Entry, _ bool) (Kind, string) {
	if t.RefID2 != "" && len(j.hosts[t.RefID2]) > 1 && j.original[t.RefID2] != host(t.FQDN) {
		return Clone, "the installation was first on " + j.original[t.RefID2] + ": a copied disk or image"
	}
	return "", ""
}

func (j *join) duplicate(t admin.AuthToken, _ Entry, _ bool) (Kind, string) {
	last := j.newest[instanceOf(t)]
	if t.RefID1 == "" || !newer(last, t) {
		return "", ""
	}
	return Duplicate, "the same device redeemed " + t.RefID1 + " again on " + last.Created.UTC().Format("2006-01-02 15:04")
}

// unaccounted is an auth token of an installation whose ledger was given, and
// does not have it: the ledger is the device's account of every redemption.
func (j *join) unaccounted(t admin.AuthToken, _ Entry, inLedger bool) (Kind, string) {
	h, ok := j.byHost[host(t.FQDN)]
	if inLedger || !ok {
		return "", ""
	}
	if h.installation == t.RefID2 {
		return Unaccounted, "the ledger of this installation has no such redemption"
	}
	return Unaccounted, "this host's ledger has no such redemption"
}
