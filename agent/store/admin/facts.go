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

// Outcome is what the facts say.
type Outcome string

// The outcomes.
const (
	Same       Outcome = "same"
	Bind       Outcome = "bind"       // nothing was bound yet
	Rebind     Outcome = "rebind"     // the same device, changed
	Quarantine Outcome = "quarantine" // another device
	Off        Outcome = "off"        // too little is known to tell, as in a container
)

// Decision is an outcome, and which kinds of facts it rests on.
type Decision struct {
	Outcome Outcome
	Changed []string // for people: "network address", "DMI UUID", …
}

// System reports whether another system was installed, or an image was given an
// identity of its own.
func (d Decision) System() bool { return slices.Contains(d.Changed, system) }

// MinFacts is how many kinds of facts there must be.
const MinFacts = 2

// The kinds of facts, for people.
const (
	network   = "network address"
	mainboard = "DMI UUID"
	tpm       = "TPM endorsement key"
	system    = "machine id"
	disk      = "root file system"
)

// Decide compares what was bound with what is known now. bound nil is none. A
// fact that is not known on either side has not changed: a daemon that may read
// less than before is on no other device.
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

// lacks reports whether something is known now that was not, or a network card
// came: what is bound is then to be completed.
func (f Facts) lacks(now Facts) bool {
	more := f.with(now)
	return !slices.Equal(f.texts(), more.texts()) || len(f.MACs) != len(more.MACs)
}

// Renew returns what is to be bound from now on: what is known now, and of the
// rest what was known before.
func Renew(bound *Facts, now Facts) Facts {
	if bound == nil {
		return now
	}
	return bound.with(now)
}

// with returns f as now says, but for what now does not know, and for what now
// cannot confirm: of a copy that shows its mainboard before its network card, or
// the other way round, each change alone would pass. The cards that are there
// replace those of before if none of those is left.
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
