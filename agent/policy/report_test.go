package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/policy"
)

func TestRows(t *testing.T) {
	res, problems := policy.Resolve(
		policy.Layer{Name: "config.yaml", Rank: policy.Local, Data: []byte("tenant: a\nlog: {level: debug}\napplications: [{id: cad, allow: [{everyone: true}]}]\n")},
		policy.Layer{Name: "p.yaml", Rank: policy.Managed, Data: []byte("tenant: b\nlog: {level: loud}\nnope: 1\napplications: [{id: cad, allow: [{users: [alice]}, {users: []}]}]\n")},
		policy.Layer{Name: "q.yaml", Rank: policy.Managed, Data: []byte("- 1")},
	)
	rows, other := res.Rows(problems)
	byKey := map[string]policy.Row{}
	for _, r := range rows {
		byKey[r.Provenance.Key] = r
	}
	if len(rows) != len(res.Keys()) {
		t.Errorf("got %d rows of %d keys", len(rows), len(res.Keys()))
	}
	type seen struct {
		Value, From, Default, Hides string
		Problems                    int
	}
	for key, want := range map[string]seen{
		"tenant":                     {"https://b", "p.yaml:1", `""`, "https://a config.yaml:1", 0},
		"log.level":                  {"debug", "config.yaml:2", "info", "", 1},
		"log.format":                 {"text", "default", "text", "", 0},
		"applications.cad.allow":     {"[{everyone: true}]", "config.yaml:3", "[]", "", 1},
		"applications.cad.tenant":    {"https://b", "p.yaml:1", `""`, "https://a config.yaml:1", 0},
		"network.timeout":            {"30s", "default", "30s", "", 0},
		"applications.cad.instances": {"1", "default", "1", "", 0},
		"refresh.on_refresh_expired": {"wait", "default", "wait", "", 0},
	} {
		r := byKey[key]
		got := seen{r.Value, r.Origin.String(), r.Default, "", len(r.Problems)}
		for _, h := range r.Hidden {
			got.Hides += h.Value + " " + h.Origin.String()
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", key, diff)
		}
	}
	if got, want := texts(other), 2; len(got) != want {
		t.Errorf("got %d problems of no key, want %d: %v", len(got), want, got)
	}
}
