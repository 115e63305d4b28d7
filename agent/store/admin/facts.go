package admin

import (
	"cmp"
	"slices"
)

// Facts are the known facts of a device, and their record as JSON. An unknown one is "" or
// missing.
type Facts struct {
	MachineID string   `json:"machine_id,omitempty"` // of the installed system
	DMI       string   `json:"dmi,omitempty"`        // the mainboard's UUID
	RootFS    string   `json:"root_fs,omitempty"`    // UUID of the root file system
	EK        string   `json:"ek,omitempty"`         // fingerprint of the TPM's endorsement key
	MACs      []string `json:"macs,omitempty"`       // permanent addresses of physical network cards
}

// Known counts the kinds of facts that are known.
func (f Facts) Known() int {
	n := min(len(f.MACs), 1)
	for _, fact := range f.texts() {
		if fact.is != "" {
			n++
		}
	}
	return n
}

// fact is a fact that is a text.
type fact struct{ kind, is string }

func (f Facts) texts() []fact {
	return []fact{{mainboard, f.DMI}, {tpm, f.EK}, {system, f.MachineID}, {disk, f.RootFS}}
}

// Outcome is the result of comparing facts.
type Outcome string

// The outcomes.
const (
	Same       Outcome = "same"
	Bind       Outcome = "bind"       // not bound yet
	Rebind     Outcome = "rebind"     // the same device, changed
	Quarantine Outcome = "quarantine" // another device
	Off        Outcome = "off"        // too few facts are known, for example in a container
)

// Decision is an outcome and the kinds of facts behind it.
type Decision struct {
	Outcome Outcome
	Changed []string // for people: "network address", "DMI UUID", …
}

// System reports whether the operating system was installed again, or an image got a new
// machine ID.
func (d Decision) System() bool { return slices.Contains(d.Changed, system) }

// MinFacts is the minimum number of known kinds of facts.
const MinFacts = 2

// The kinds of facts, for people.
const (
	network   = "network address"
	mainboard = "DMI UUID"
	tpm       = "TPM endorsement key"
	system    = "machine id"
	disk      = "root file system"
)

// Decide compares the bound facts with those of now. bound is nil if the state is not bound.
// A fact that is unknown on one side counts as unchanged: a daemon may read fewer facts than
// before on the same device.
func Decide(bound *Facts, now Facts) Decision {
	switch {
	case now.Known() < MinFacts:
		return Decision{Outcome: Off}
	case bound == nil || bound.Known() < MinFacts:
		return Decision{Outcome: Bind}
	}
	changed := bound.changed(now)
	has := func(kind string) bool { return slices.Contains(changed, kind) }
	switch {
	case has(network) && (has(mainboard) || has(tpm)):
		return Decision{Quarantine, changed}
	case len(changed) > 0 || bound.lacks(now):
		return Decision{Rebind, changed}
	}
	return Decision{Outcome: Same}
}

func (f Facts) changed(now Facts) []string {
	var changed []string
	if len(f.MACs) > 0 && len(now.MACs) > 0 && !slices.ContainsFunc(now.MACs, func(mac string) bool { return slices.Contains(f.MACs, mac) }) {
		changed = append(changed, network)
	}
	for i, fact := range f.texts() {
		if is := now.texts()[i].is; fact.is != "" && is != "" && fact.is != is {
			changed = append(changed, fact.kind)
		}
	}
	return changed
}

// lacks reports whether now has a fact or a network card that f has not. The bound facts
// then need an update.
func (f Facts) lacks(now Facts) bool {
	more := f.with(now)
	return !slices.Equal(f.texts(), more.texts()) || len(f.MACs) != len(more.MACs)
}

// Renew returns the facts to bind: those of now, and the bound ones for unknown facts.
func Renew(bound *Facts, now Facts) Facts {
	if bound == nil {
		return now
	}
	return bound.with(now)
}

// with returns f with the facts of now. It keeps a fact of f that is unknown in now. It also
// keeps the mainboard and the network cards of f as long as now does not have both: otherwise
// a copy that shows them one after the other would pass each single check. The cards of now
// replace those of f if none of those is left.
func (f Facts) with(now Facts) Facts {
	out := f
	out.MachineID = cmp.Or(now.MachineID, f.MachineID)
	out.RootFS = cmp.Or(now.RootFS, f.RootFS)
	if len(f.MACs) == 0 || len(now.MACs) > 0 {
		out.DMI = cmp.Or(now.DMI, f.DMI)
		out.EK = cmp.Or(now.EK, f.EK)
	}
	switch {
	case len(now.MACs) == 0:
	case !slices.Contains(f.changed(now), network):
		out.MACs = append(slices.Clone(f.MACs), now.MACs...)
		slices.Sort(out.MACs)
		out.MACs = slices.Compact(out.MACs)
		if len(out.MACs) > maxCards { // docks come and go
			out.MACs = slices.Clone(now.MACs)
		}
	case (f.DMI == "" || now.DMI != "") && (f.EK == "" || now.EK != ""):
		out.MACs = slices.Clone(now.MACs)
	}
	return out
}

const maxCards = 32
