package main

import (
	"regent/agent/policy"
	"regent/platform/mdm"
)

// source is a place of settings that is no directory of files.
type source struct {
	name string
	rank policy.Rank
	read func() ([]mdm.Value, error)
	file string // that it is kept in, if it is; then that is watched

	// mixed is set if the source is no place of policy alone: what is not the name
	// of a setting is then somebody else's.
	mixed bool
}

// source adds what a source holds.
func (l *layerLoader) source(s source) {
	found, err := s.read()
	if err != nil {
		l.report(s.name, s.rank, "%v", bareError(err))
		return
	}
	values := make([]policy.Value, 0, len(found))
	for _, v := range found {
		values = append(values, policy.Value{Name: v.Name, Place: v.Source, Data: v.Data})
	}
	if len(values) > 0 {
		l.Layers = append(l.Layers, policy.Layer{Name: s.name, Rank: s.rank, Values: values, Mixed: s.mixed})
	}
}
