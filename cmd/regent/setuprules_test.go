package main

import (
	"context"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/status"
	"regent/agent/token"
	"regent/ipc/api"
	"regent/platform/terminal"
)

// configured returns the keys of application cad from one source.
func configured(level, source, allow string) []api.PolicyKey {
	return []api.PolicyKey{
		{Key: "tenant", Value: "https://demo-host.com", Level: "local", Source: "config.yaml:1"},
		{Key: "applications.cad.id", Value: "cad", Level: level, Source: source + ":2"},
		{Key: "applications.cad.instances", Value: "2", Level: level, Source: source + ":3"},
		{Key: "applications.cad.allow", Value: allow, Level: level, Source: source + ":4"},
	}
}

// TestSetupAsksWithTodaysValues: Enter keeps each value and writes nothing. A value that an
// answer cannot change is shown with its source or its flag, and has no question.
func TestSetupAsksWithTodaysValues(t *testing.T) {
	const simple = "[{users: [root]}, {users: [daemon]}]"
	managed := configured("local", "config.yaml", simple)
	managed[2].Level, managed[2].Source = "managed", "policy.d/1.yaml:3"
	for _, tt := range []struct {
		name  string
		keys  []api.PolicyKey
		asked []string
		said  string
	}{
		{"package", configured("drop-in", "DIR10-cad.yaml", simple), nil, "Application: cad. For another one, use --application.\nTenant: https://demo-host.com\nInstances: 2. For another number, use --instances.\nUsers, groups and units: as in DIR10-cad.yaml:4.\n"},
		{"policy", configured("managed", "policy.d/1.yaml", simple), nil, "Instances: 2, set by policy.d/1.yaml:3.\n"},
		{"number of policy", managed, []string{"Application:", "Tenant", "Users", "Groups", "systemd"}, "Instances: 2, set by policy.d/1.yaml:3.\n"},
		{"everyone", configured("local", "config.yaml", "[{everyone: true}]"), []string{"Application:", "Tenant", "Number"}, "as in config.yaml:4.\n"},
		{"a comma in a name", configured("local", "config.yaml", "[{users: ['a,b']}]"), []string{"Application:", "Tenant", "Number"}, "as in config.yaml:4.\n"},
		{"config.yaml", configured("local", "config.yaml", simple), []string{"Application:", "Tenant", "Number", "Users", "Groups", "systemd"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, path := emptyDevice(t)
			dir := filepath.Dir(path) + string(filepath.Separator)
			for i := range tt.keys {
				tt.keys[i].Source = strings.Replace(tt.keys[i].Source, "DIR", dir, 1)
			}
			said := strings.Replace(tt.said, "DIR", dir, 1)
			var asked []string
			got := cliRun{daemon: keys(d, tt.keys...), answer: "y", ask: func(_ context.Context, text string) (string, error) {
				word, _, _ := strings.Cut(text, " ")
				asked = append(asked, strings.TrimSuffix(word, ","))
				return "", nil
			}}.run(t, "setup", "--dry-run")
			want := slices.DeleteFunc(slices.Clone(tt.asked), func(q string) bool { return q == "systemd" && runtime.GOOS != "linux" })
			if diff := cmp.Diff(asked, want); diff != "" {
				t.Errorf("questions (-got +want):\n%s", diff)
			}
			if !strings.Contains(got.Err, said) || !strings.Contains(got.Out, "No file is needed") {
				t.Errorf("got %+v, want %q", got, said)
			}
		})
	}
}

// TestSetupWritesAnAnswer: another answer than the default replaces the value of
// config.yaml, and no other one.
func TestSetupWritesAnAnswer(t *testing.T) {
	for question, want := range map[string]string{
		"Number": "instances: 3 #",
		"Users":  "allow:",
	} {
		d, _ := emptyDevice(t)
		got := cliRun{daemon: keys(d, configured("local", "config.yaml", "[{users: [root]}]")...), answer: "y", ask: func(_ context.Context, text string) (string, error) {
			if strings.HasPrefix(text, question) {
				return map[string]string{"Number": "3", "Users": "root,daemon"}[question], nil
			}
			return "", nil
		}}.run(t, "setup", "--dry-run")
		if !strings.Contains(got.Out, want) || strings.Contains(got.Out, "instances:") == strings.Contains(got.Out, "allow:") {
			t.Errorf("%s: got %+v, want %q", question, got, want)
		}
	}
}

// TestSetupFitsNarrowTerminals: each line of the plan and of the result fits, except
// commands, and words that are longer.
func TestSetupFitsNarrowTerminals(t *testing.T) {
	for _, width := range []int{40, 60} {
		d, path := emptyDevice(t)
		d.status.Applications = []status.Application{{ID: "sim", Tenant: "demo-host.com", Instances: []status.Instance{liveInstance("sim/1")}}}
		got := cliRun{daemon: d, width: width}.run(t, "setup", "--dry-run", "--application", "cad", "--tenant", "demo-host.com", "--instances", "12", "--users", "nobody-of-this-name,nobody-of-that-name")
		s := setup{cli: &cli{runtimeEnv: runtimeEnv{width: width}}, device: setupDevice{path: path}}
		p := setupPlan{id: "cad", content: "x", origin: tokenOrigin{path: "token"}, secret: token.NewSecret(sound)}
		text := got.Out + s.undo(p)
		p.accepted = true
		result, err := s.outcome(p, []status.Instance{liveInstance("cad/1"), {Name: "cad/2", State: string(token.Unredeemed)}})
		if err == nil || got.Code != 0 {
			t.Fatalf("got %+v, %v", got, err)
		}
		for line := range strings.Lines(text + result) {
			words := strings.Fields(line)
			if terminal.Cells(strings.TrimSuffix(line, "\n")) > width && len(words) > 1 && !strings.HasPrefix(line, "  sudo rm ") && !strings.HasPrefix(line, "  del ") {
				t.Errorf("width %d: %q", width, line)
			}
		}
		if !strings.Contains(text, "\n  - id: cad") && !strings.Contains(text, "\n      - id: cad") {
			t.Errorf("the file is not indented:\n%s", text)
		}
	}
}

// TestSetupTellsProgress: a person sees which service is asked. With --json there is no
// such line.
func TestSetupTellsProgress(t *testing.T) {
	for _, args := range [][]string{nil, {"--json"}} {
		d, _ := emptyDevice(t)
		d.status.Applications = []status.Application{{ID: "cad", Tenant: "demo-host.com", Instances: []status.Instance{{Name: "cad/1", State: string(token.Unredeemed)}}}}
		got := cliRun{daemon: keys(d, configured("drop-in", "10-cad.yaml", "[{everyone: true}]")...), stdin: sound}.run(t, append([]string{"setup", "--yes", "--token-stdin", "--wait", "0"}, args...)...)
		if strings.Contains(got.Err, "Asking demo-host.com: 0 of 1 instance …\n") != (args == nil) {
			t.Errorf("%q: got %+v", args, got)
		}
	}
}
