package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/ipc/api"
)

// samplePolicy is what a device with a typo or two in its policy answers.
func samplePolicy() api.Policy {
	return api.Policy{
		AppliedAt: noon.Add(-3 * time.Minute),
		Keys: []api.PolicyKey{
			{
				Key: "tenant", Value: "https://demo-host.com", Level: "managed", Source: "/etc/regent/policy.d/10-fleet.yaml:1", Status: api.PolicyStateOK,
				Hides:   []api.PolicyValue{{Value: "https://old-host.com", Level: "local", Source: "/etc/regent/config.yaml:1"}},
				Default: `""`, Title: "Tenant", Doc: "Address of the tenant.", PolicyName: "Tenant", Reloadable: true,
			},
			{
				Key: "log.level", Value: "debug", Level: "local", Source: "/etc/regent/config.yaml:3", Status: api.PolicyStateProblem, Default: "info", Doc: "The least severe message that is logged.",
				Problems: []api.PolicyProblem{{Source: "/etc/regent/policy.d/10-fleet.yaml:2", Detail: "log.level: is not a valid value; write debug, info, warn or error"}}, PolicyName: "LogLevel", Reloadable: true,
			},
			{Key: "log.format", Value: "json", Level: "managed", Source: "/etc/regent/policy.d/10-fleet.yaml:3", Status: api.PolicyStateWaiting, Default: "text", Doc: "How messages are written.", PolicyName: "LogFormat"},
			{Key: "audit", Value: "best_effort", Level: "default", Source: "default", Status: api.PolicyStateOK, Default: "best_effort", Doc: "x.", Reloadable: true},
			{Key: "applications.cad.allow", Value: "[{groups: [" + strings.Repeat("engineering, ", 9) + "x]}]", Level: "managed", Source: "HKLM\\SOFTWARE\\Policies\\Regent\\Applications\\cad", Status: api.PolicyStateOK, Doc: "Who may use the application.", Reloadable: true},
		},
		Problems: []api.PolicyProblem{{Source: "/etc/regent/policy.d/20-typo.yaml:1", Detail: "tenent: is not a known key; did you mean tenant?"}},
	}
}

// TestPolicyScreens compares with what was looked at once and found good.
func TestPolicyScreens(t *testing.T) {
	for name, args := range map[string][]string{
		"policy": {"policy"}, "policy-all": {"policy", "--all"},
		"policy-explain": {"policy", "explain", "tenant"}, "policy-explain-problem": {"policy", "explain", "LOGLEVEL"},
	} {
		d := &fakeDaemon{policy: samplePolicy()}
		got := cliRun{daemon: d}.run(t, args...)
		golden(t, name+".golden", got.Out)
		if got.Code != 0 {
			t.Errorf("%s ended with %d", name, got.Code)
		}
	}
}

// TestPolicyFitsTheTerminal: the table has at most 80 columns, but for one long word.
func TestPolicyFitsTheTerminal(t *testing.T) {
	got := cliRun{daemon: &fakeDaemon{policy: samplePolicy()}, width: 80}.run(t, "policy")
	for line := range strings.Lines(got.Out) {
		if utf8.RuneCountInString(line) > 81 && len(strings.Fields(line)) > 2 {
			t.Errorf("over 80 columns: %s", line)
		}
	}
}

func TestPolicyForScripts(t *testing.T) {
	d := &fakeDaemon{policy: samplePolicy()}
	got := cliRun{daemon: d}.run(t, "policy", "--json")
	var back api.Policy
	if err := json.Unmarshal([]byte(got.Out), &back); err != nil || got.Code != 0 {
		t.Fatalf("%d, %v", got.Code, err)
	}
	if diff := cmp.Diff(back, d.policy); diff != "" {
		t.Errorf("JSON (-got +want):\n%s", diff)
	}
	if got := (cliRun{daemon: d}).run(t, "policy", "--exit-code"); got.Code != exitDegraded {
		t.Errorf("with something to be mended: code %d, want %d", got.Code, exitDegraded)
	}
	d.policy = api.Policy{}
	if got := (cliRun{daemon: d}).run(t, "policy", "--exit-code"); got.Code != exitDone || !strings.Contains(got.Out, "Every key has its default") {
		t.Errorf("with nothing set: %+v", got)
	}
}

func TestPolicyExplainOfNoKey(t *testing.T) {
	d := &fakeDaemon{policy: samplePolicy()}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"policy", "explain"}, "name one key"},
		{[]string{"policy", "explain", "level"}, "did you mean log.level?"},
		{[]string{"policy", "explain", "nothing"}, "for a list, run: " + fault.Commands("sudo regent policy --all")},
		{[]string{"policy", "tenant"}, "takes no arguments"},
	} {
		if got := (cliRun{daemon: d}).run(t, tt.args...); got.Code != exitUsage || !strings.Contains(got.Err, tt.want) {
			t.Errorf("%v: got %+v, want code 2 and %q", tt.args, got, tt.want)
		}
	}
}
