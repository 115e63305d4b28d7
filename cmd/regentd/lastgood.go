package main

import (
	"path/filepath"
	"slices"
	"strings"

	"regent/agent/policy"
)

// lastGood remembers managed policy as it was when it could last be read. While
// a part of it cannot, that part stays in force as it was: what a management
// system has half written must not open what policy closes.
//
// A file that was removed from a directory that is there was removed on purpose.
// Over a restart files are remembered, so that a device that starts in the middle
// of a rollout is no more open than before; a directory that is gone by then was
// removed on purpose, too.
type lastGood struct {
	layers []policy.Layer
	loaded bool // they are from before the start, and were not yet looked for
}

// untilReadable is what is said of a file that is kept, and gone of its directory.
const (
	untilReadable = "; what it said before stays in force until it can be read again or is removed"
	untilBack     = "; what it said before stays in force until it is there again or regentd is restarted"
)

// restore returns f with the parts that cannot be read replaced by what they were,
// and remembers the result.
func (g *lastGood) restore(f configLayers, policyDir string) configLayers {
	f.layers, f.problems = slices.Clone(f.layers), slices.Clone(f.problems)
	for _, old := range g.layers {
		i := slices.IndexFunc(f.layers, func(l policy.Layer) bool { return isManaged(l) && l.Name == old.Name })
		switch {
		case i >= 0:
			if err := f.layers[i].Unreadable(); err != nil {
				f.layers[i] = old
				f.addProblem(old, err.Error()+untilReadable)
			}
		case f.hasProblem(old.Name):
			f.layers = append(f.layers, old)
			f.addProblem(old, "cannot be used"+untilReadable)
		case old.Values != nil || filepath.Dir(old.Name) != filepath.Clean(policyDir) || f.policyDirRead:
		case f.hasProblem(policyDir):
			f.layers = append(f.layers, old)
			f.addProblem(old, "is in a directory that cannot be used"+untilReadable)
		case !g.loaded:
			f.layers = append(f.layers, old)
			f.addProblem(old, "is gone with its directory"+untilBack)
		}
	}
	g.layers, g.loaded = nil, false
	for _, l := range f.layers {
		if isManaged(l) && l.Unreadable() == nil {
			g.layers = append(g.layers, l)
		}
	}
	f.layers = sortLayers(f.layers)
	return f
}

// sortLayers has managed files, of which some were put back, in the order of their
// names, and what is no file after them.
func sortLayers(layers []policy.Layer) []policy.Layer {
	var local, files, values []policy.Layer
	for _, l := range layers {
		switch {
		case !isManaged(l):
			local = append(local, l)
		case l.Values == nil:
			files = append(files, l)
		default:
			values = append(values, l)
		}
	}
	slices.SortFunc(files, func(a, b policy.Layer) int { return strings.Compare(a.Name, b.Name) })
	return slices.Concat(local, files, values)
}

// hasProblem reports whether a layer of this name was there and could not be read.
func (f configLayers) hasProblem(name string) bool {
	return slices.ContainsFunc(f.problems, func(p policy.Problem) bool {
		return p.Origin.Rank == policy.Managed && p.Origin.Name == name && p.Key == ""
	})
}

func (f *configLayers) addProblem(l policy.Layer, text string) {
	f.problems = append(f.problems, policy.Problem{Origin: policy.Origin{Rank: l.Rank, Name: l.Name}, Text: text})
}
