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
		{"root in a container", inContainer("in another PID namespace", ""), strict, false, "in another PID namespace; run the command outside"},
		{"policy says otherwise", inContainer("in another PID namespace", ""), authz.Administration{FromContainers: true, WithCapabilities: true}, true, ""},
		{"without capabilities", inContainer("", "CAP_SYS_ADMIN"), strict, false, "root lacks CAP_SYS_ADMIN; run the command"},
		{"without capabilities, by policy", inContainer("", "CAP_SYS_ADMIN"), authz.Administration{}, true, ""},
		{"one does not allow the other", inContainer("away", "CAP_SYS_ADMIN"), authz.Administration{}, false, "away"},
	} {
		if got := tt.caller.Administers(tt.terms); got.Allow != tt.want || !strings.Contains(got.Doubt, tt.doubt) || (got.Doubt == "") != (tt.doubt == "") {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

// inContainer is an administrator's process in a place.
func inContainer(apart, lacks string) authz.Caller {
	return authz.Caller{Admin: true, Confined: func() (string, string) { return apart, lacks }}
}

// TestAdministersIsLazy: where a process is costs some twenty
// system calls.
func TestAdministersIsLazy(t *testing.T) {
	for _, tt := range []struct {
		name   string
		admin  bool
		policy authz.Administration
		want   bool
	}{
		{"nobody special", false, authz.Administration{WithCapabilities: true}, false},
		{"an administrator", true, authz.Administration{WithCapabilities: true}, true},
		{"policy allows all", true, authz.Administration{FromContainers: true}, false},
	} {
		asked := false
		authz.Caller{Admin: tt.admin, Confined: func() (string, string) { asked = true; return "", "" }}.Administers(tt.policy)
		if asked != tt.want {
			t.Errorf("%s: asked %v", tt.name, asked)
		}
	}
}
