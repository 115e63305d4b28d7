package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent"
	"regent/agent/policy"
)

func TestReaders(t *testing.T) {
	s := policy.Settings{
		RegistrationTokenFile: "/etc/regent/token",
		Applications: []policy.Application{
			{ID: "cad"}, {ID: "cam", RegistrationTokenFile: "/etc/regent/cam"}, {ID: "viewer", RegistrationTokenFile: "/etc/regent/token"},
		},
	}
	for _, tt := range []struct {
		path string
		want []agent.Registration
	}{
		{"/etc/regent/token", []agent.Registration{{}, {Application: "viewer"}}},
		{"/etc/regent/cam", []agent.Registration{{Application: "cam"}}},
		{"/etc/regent/other", nil},
	} {
		t.Run(tt.path, func(t *testing.T) {
			if diff := cmp.Diff(readers(s, tt.path), tt.want, cmp.Comparer(func(a, b agent.Registration) bool {
				return a.Application == b.Application && a.Tenant == b.Tenant
			})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
