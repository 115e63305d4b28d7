package main

import (
	"fmt"
	"slices"
	"strings"
)

// target is one thing to delete.
type target struct{ id, identifier string }

func (g target) String() string {
	if g.identifier == "" || g.identifier == g.id {
		return tableCell(g.id)
	}
	return fmt.Sprintf("%s (%s)", tableCell(g.id), tableCell(g.identifier))
}

func ids(all []target) (ids []string) {
	for _, g := range all {
		ids = append(ids, g.id)
	}
	return ids
}

// targetIndex finds the things of a list by the cells of a row.
type targetIndex struct {
	byID         map[string]target
	byIdentifier map[string][]target // as [writeCSV] writes it, or as somebody typed it
}

func newTargetIndex(there []target) targetIndex {
	x := targetIndex{map[string]target{}, map[string][]target{}}
	for _, g := range there {
		x.byID[g.id] = g
		written, typed := strings.TrimSpace(csvCell(g.identifier)), strings.TrimSpace(g.identifier)
		x.byIdentifier[written] = append(x.byIdentifier[written], g)
		if typed != written {
			x.byIdentifier[typed] = append(x.byIdentifier[typed], g)
		}
	}
	return x
}

// named returns the things with a name: an identifier, an ID, or id: and an ID.
func (x targetIndex) named(name string) []target {
	if name == "" {
		return nil
	}
	found := slices.Clone(x.byIdentifier[name])
	for _, id := range []string{name, strings.TrimPrefix(name, idPrefix)} {
		if g, ok := x.byID[id]; ok && !slices.Contains(found, g) {
			found = append(found, g)
		}
	}
	return found
}

// targetsOf returns the things of a list.
func targetsOf[T any](list []T, names func(T) (id, identifier string)) []target {
	all := make([]target, len(list))
	for i, one := range list {
		all[i].id, all[i].identifier = names(one)
	}
	return all
}
