package authz_test

import (
	"strings"
	"testing"

	"regent/agent/authz"
)

func TestAdministers(t *testing.T) {
	strict := authz.Administration{WithCapabilities: true}
	for _, tt := range []struct {
		name   string
		caller authz.Caller
		terms  authz.Administration
		want   bool
		doubt  string
	}{
		{"a user", authz.Caller{}, authz.Administration{FromContainers: true}, false, ""},
		{"root", authz.Caller{Admin: true}, strict, true, ""},
		{"root in a container", authz.Caller{Admin: true, Apart: "in another PID namespace"}, strict, false, "in another PID namespace; run the command outside"},
		{"policy says otherwise", authz.Caller{Admin: true, Apart: "in another PID namespace"}, authz.Administration{FromContainers: true, WithCapabilities: true}, true, ""},
		{"without capabilities", authz.Caller{Admin: true, Lacks: "CAP_SYS_ADMIN"}, strict, false, "root lacks CAP_SYS_ADMIN; run the command"},
		{"without capabilities, by policy", authz.Caller{Admin: true, Lacks: "CAP_SYS_ADMIN"}, authz.Administration{}, true, ""},
		{"one does not allow the other", authz.Caller{Admin: true, Apart: "away", Lacks: "CAP_SYS_ADMIN"}, authz.Administration{}, false, "away"},
	} {
		if got := tt.caller.Administers(tt.terms); got.Allow != tt.want || !strings.Contains(got.Doubt, tt.doubt) || (got.Doubt == "") != (tt.doubt == "") {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}
