package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/policy"
)

func TestDiff(t *testing.T) {
	const before = "tenant: a\naudit: required\nnetwork: {timeout: 30s}\napplications:\n" +
		"- {id: cad, instances: 2, allow: [{users: [alice]}]}\n- {id: viewer, tenant: b, allow: [{everyone: true}]}\n"
	tests := []struct {
		name, after string
		want        policy.Changes
	}{
		{"nothing", before, policy.Changes{}},
		{"only lines", "# moved\n\n" + before, policy.Changes{}},
		{"another spelling", "tenant: HTTPS://A/\n" + before[len("tenant: a\n"):], policy.Changes{}},
		{"everything gone", "", policy.Changes{
			Reload:  []string{"tenant", "applications.cad", "applications.viewer", "audit"},
			Restart: nil, // 30s is the default
		}},
		{"keys of both kinds", "tenant: a\nnetwork: {timeout: 31s, proxy: none}\nlog: {level: debug, format: json}\napplications:\n" +
			"- {id: cad, instances: 3, allow: [{users: [alice, bob]}]}\n- {id: viewer, tenant: b, redeem: on_demand, allow: [{everyone: true}]}\n- {id: new}\n", policy.Changes{
			Reload: []string{
				"applications.cad.instances", "applications.cad.allow", "applications.new", "applications.viewer.redeem",
				"network.proxy", "network.timeout", "audit", "log.level",
			},
			Restart: []string{"log.format"},
		}},
		{"a tenant that applications inherit", "tenant: c\n" + before[len("tenant: a\n"):], policy.Changes{
			Reload: []string{"tenant", "applications.cad.tenant"},
		}},
	}
	old, _ := policy.Resolve(local(before))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now, problems := policy.Resolve(local(tt.after))
			if err := policy.Fatal(problems); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(policy.Diff(old.Settings, now.Settings), tt.want); diff != "" {
				t.Errorf("-got +want\n%s", diff)
			}
		})
	}
}
