package policy

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
)

// Reading is the configuration as it was read, lowest layer first. Each part that could not
// be read is a problem. The problem is fatal unless the part is managed.
type Reading struct {
	Layers        []Layer
	Problems      []Problem
	PolicyDirRead bool // the directory of managed policy was read
}

// LastGood remembers the last managed policy that could be read. If a part cannot be read,
// its previous content stays active. A half-written file must not allow requests that
// policy denies.
//
// If a file is gone and its directory exists, somebody removed the file on purpose. Files
// are remembered over a restart, so a device that starts in the middle of a rollout is not
// more open than before. If the directory is gone at the start, somebody removed it on
// purpose too.
type LastGood struct {
	Layers        []Layer
	BeforeRestart bool // they are from before the start, and not compared with the files yet
}

// Texts of status for a layer that stays active.
const (
	untilReadable = "; its previous content stays active until you correct or remove it"
	untilBack     = "; its previous content stays active until you restore the directory or restart regentd"
)

// Restore returns f with each unreadable part replaced by its previous content, and
// remembers the result.
func (g *LastGood) Restore(f Reading, policyDir string) Reading {
	f.Layers, f.Problems = slices.Clone(f.Layers), slices.Clone(f.Problems)
	for _, old := range g.Layers {
		i := slices.IndexFunc(f.Layers, func(l Layer) bool { return l.Rank == Managed && l.Name == old.Name })
		why := ""
		switch {
		case i >= 0:
			if err := f.Layers[i].Unreadable(); err != nil {
				f.Layers[i], why = old, err.Error()+untilReadable
			}
		case f.refused(old.Name):
			why = "cannot be used" + untilReadable
		case old.Values != nil || filepath.Dir(old.Name) != filepath.Clean(policyDir) || f.PolicyDirRead:
		case f.refused(policyDir):
			why = "is in a directory that cannot be used" + untilReadable
		case !g.BeforeRestart:
			why = "is gone with its directory" + untilBack
		}
		if why == "" {
			continue
		}
		if i < 0 {
			f.Layers = append(f.Layers, old)
		}
		f.Problems = append(f.Problems, Problem{Origin: Origin{Rank: old.Rank, Name: old.Name}, Text: why})
	}
	slices.SortStableFunc(f.Layers, comparePlaces)
	*g = LastGood{Layers: slices.DeleteFunc(slices.Clone(f.Layers), func(l Layer) bool { return l.Rank != Managed || l.Unreadable() != nil })}
	return f
}

// refused reports whether the part with this name exists and could not be read.
func (f Reading) refused(name string) bool {
	return slices.ContainsFunc(f.Problems, func(p Problem) bool {
		return p.Origin.Rank == Managed && p.Origin.Name == name && p.Key == ""
	})
}

// comparePlaces orders managed files by name, and puts all else after them.
func comparePlaces(a, b Layer) int {
	order := cmp.Compare(place(a), place(b))
	if order == 0 && place(a) == 1 {
		return strings.Compare(a.Name, b.Name)
	}
	return order
}

func place(l Layer) int {
	switch {
	case l.Rank != Managed:
		return 0
	case l.Values == nil:
		return 1
	}
	return 2
}
