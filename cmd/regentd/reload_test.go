package main

import (
	"os"
	"testing"
	"time"

	"regent/agent/policy"
	"regent/platform/filewatch"
)

// TestReloadIfChangedWaits: a change without an event may be incomplete, so it is applied
// only after it was seen twice.
func TestReloadIfChangedWaits(t *testing.T) {
	_, paths := configTree(t, nil)
	r := &reloader{options: &options{config: paths.Config, configDir: paths.ConfigDir, policyDir: paths.PolicyDir}}
	r.found = r.readLayers()
	for _, step := range []struct {
		text string
		want time.Duration
	}{{"", 0}, {"tenant: a", filewatch.Settle}, {"tenant: ab", filewatch.Settle}, {"", 0}} {
		if step.text == "" {
			if err := os.RemoveAll(paths.Config); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(paths.Config, []byte(step.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := r.reloadIfChanged(t.Context(), false); got != step.want { // without an agent, to apply it would panic
			t.Errorf("%q: looks again after %s, want %s", step.text, got, step.want)
		}
	}
}

// Status says a problem of the configuration once: the report of the whole configuration
// has the fatal ones.
func TestProblemsWithoutTheFailure(t *testing.T) {
	fatal := policy.Problem{Origin: policy.Origin{Name: "config.yaml", Line: 7}, Key: "tenat", Text: "is not a known key", Fatal: true}
	warning := policy.Problem{Origin: policy.Origin{Name: "config.yaml", Line: 3}, Key: "network.ca_file", Text: "cannot be read", Fatal: true}
	r := &reloader{problems: []policy.Problem{fatal, warning}}
	if got := r.problemsWithout(policy.Fatal([]policy.Problem{fatal})); len(got) != 1 || got[0] != warning {
		t.Errorf("got %+v", got)
	}
	if got := r.problemsWithout(nil); len(got) != 2 {
		t.Errorf("got %+v", got)
	}
}
