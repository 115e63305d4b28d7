package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/status"
	"regent/agent/token"
	"regent/ipc/api"
)

// emptyDevice is a daemon without an application, and the file that setup writes.
func emptyDevice(t *testing.T) (*fakeDaemon, string) {
	t.Helper()
	dir := t.TempDir()
	return &fakeDaemon{status: status.Status{ConfigFile: filepath.Join(dir, "config.yaml")}}, filepath.Join(dir, "config.d", setupName)
}

// keys adds keys of the configuration to the daemon.
func keys(d *fakeDaemon, all ...api.PolicyKey) *fakeDaemon {
	d.policy.Keys = append(d.policy.Keys, all...)
	return d
}

// TestSetupRefusesEarly: what cannot succeed is said before a question.
func TestSetupRefusesEarly(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*fakeDaemon)
		args   []string
		code   int
		want   string
	}{
		{"no administrator", func(d *fakeDaemon) { d.err = fault.New("policy", fault.Denied, nil) }, nil, 4, "only an administrator may set up this device"},
		{"store locked", func(d *fakeDaemon) { d.err = fault.New("policy", fault.StoreLocked, nil) }, nil, 1, "store_locked: "},
		{"line break", func(*fakeDaemon) {}, []string{"--yes", "--application", "cad", "--tenant", "t", "--users", "alice\nbob"}, 2, "--users: the list has a line break"},
		{"no file name", func(*fakeDaemon) {}, []string{"--token-file", ""}, 2, "--token-file is empty: give a value, or omit the flag"},
		{"two tokens", func(*fakeDaemon) {}, []string{"--token-file", "f", "--token-stdin"}, 2, "exclude each other"},
		{"bad wait", func(*fakeDaemon) {}, []string{"--wait", "-1s"}, 2, "--wait is -1s"},
		{"no name", func(*fakeDaemon) {}, []string{"--yes", "--application", "cad", "--tenant", "t", "--users", "a:b"}, 2, "--users: a name has a colon"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, path := emptyDevice(t)
			tt.change(d)
			got := cliRun{daemon: d, ask: func(context.Context, string) (string, error) {
				t.Error("a question was asked")
				return "", errors.New("nobody")
			}}.run(t, append([]string{"setup"}, tt.args...)...)
			if got.Code != tt.code || !strings.Contains(got.Err, tt.want) {
				t.Errorf("got %+v, want code %d and %q", got, tt.code, tt.want)
			}
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a file was written: %v", err)
			}
		})
	}
}

// TestSetupIsInterrupted: Ctrl-C at each question leaves no file and no request.
func TestSetupIsInterrupted(t *testing.T) {
	answers := []string{"cad", "demo-host.com", "1", "alice", "none", "none"}
	if runtime.GOOS != "linux" {
		answers = answers[:5] // without units
	}
	for n := range len(answers) + 2 { // then the token and the last question
		d, path := emptyDevice(t)
		ctx, cancel := context.WithCancel(t.Context())
		asked := 0
		next := func(ctx context.Context) error {
			if asked++; asked > n {
				cancel()
			}
			return ctx.Err()
		}
		var out, said strings.Builder
		s := runtimeEnv{
			in: strings.NewReader(""), out: &out, err: &said, getenv: func(string) string { return "" }, dial: func(string) agent { return d },
			now: func() time.Time { return noon }, euid: -1,
			ask: func(_ context.Context, _ string) (string, error) {
				if err := next(ctx); err != nil {
					return "", err
				}
				return answers[asked-1], nil
			},
			prompt:  func(context.Context, string) ([]byte, error) { return []byte(sound), next(ctx) },
			confirm: func(context.Context, string) (bool, error) { return true, next(ctx) },
		}
		if code := run(ctx, []string{"setup"}, s); code != exitFailed || !strings.HasSuffix(said.String(), "regent: interrupted\nNothing was written, and no count was used.\n") {
			t.Errorf("at question %d: got %d, %q", n+1, code, said.String())
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) || len(d.requests) > 0 {
			t.Errorf("at question %d: a file (%v) or a request (%v) is left", n+1, err, d.requests)
		}
	}
}

// TestSetupRestoresTheFile: if regentd refuses the file or does not read it, the old
// content comes back.
func TestSetupRestoresTheFile(t *testing.T) {
	const old = "tenant: https://demo-host.com\n"
	for _, tt := range []struct {
		name, old, want string
		refuses         error
	}{
		{"refused", old, "invalid_request: ", fault.Errorf("reload", fault.InvalidRequest, "line 2")},
		{"refused, new", "", "invalid_request: ", fault.Errorf("reload", fault.InvalidRequest, "line 2")},
		{"not read", old, "another configuration directory", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, path := emptyDevice(t)
			d.refuses = tt.refuses
			if tt.old != "" {
				if err := replaceFile(path, tt.old); err != nil {
					t.Fatal(err)
				}
			}
			got := cliRun{daemon: d, stdin: sound}.run(t, "setup", "--yes", "--tenant", "demo-host.com", "--application", "cad", "--users", "root", "--token-stdin")
			if got.Code == 0 || !strings.Contains(got.Err, tt.want) {
				t.Errorf("got %+v, want %q", got, tt.want)
			}
			if content, _ := os.ReadFile(path); string(content) != tt.old {
				t.Errorf("the file has %q, want %q", content, tt.old)
			}
			if diff := cmp.Diff(d.requests, []any{"reload", "reload"}); diff != "" {
				t.Errorf("asked (-got +want):\n%s", diff)
			}
		})
	}
}

// TestSetupKnowsOtherFiles: a value of another file is not written again, and one that
// overrides the file of setup is not promised.
func TestSetupKnowsOtherFiles(t *testing.T) {
	vendor := []api.PolicyKey{
		{Key: "applications.cad.id", Value: "cad", Level: "drop-in", Source: "/etc/regent/config.d/10-cad.yaml:2"},
		{Key: "applications.cad.allow", Value: "[{everyone: true}]", Level: "drop-in", Source: "/etc/regent/config.d/10-cad.yaml:3"},
	}
	tenant := func(level, source string) api.PolicyKey {
		return api.PolicyKey{Key: "tenant", Value: "https://demo-host.com", Level: level, Source: source}
	}
	for _, tt := range []struct {
		name, want string
		keys       []api.PolicyKey
		args       []string
	}{
		{"vendor's", "    tenant: https://demo-host.com\n\nThis uses", vendor, []string{"--tenant", "demo-host.com"}},
		{"all is there", "No file is needed", append(vendor, tenant("local", "/etc/regent/config.yaml:1")), nil},
		{"the same tenant", "No file is needed", append(vendor, tenant("managed", "/etc/regent/policy.d/1.yaml:1")), []string{"--tenant", "demo-host.com"}},
		{"another tenant", "    tenant: https://other-host.com\n", append(vendor, tenant("local", "/etc/regent/config.yaml:1")), []string{"--tenant", "other-host.com"}},
		{"rules replaced", "Warning: this replaces the allow rules in /etc/regent/config.d/10-cad.yaml:3.", append(vendor, tenant("local", "c:1")), []string{"--users", "root"}},
		{"managed tenant", "--tenant: /etc/regent/policy.d/1.yaml:1 sets the tenant and overrides", append(vendor, tenant("managed", "/etc/regent/policy.d/1.yaml:1")), []string{"--tenant", "other-host.com"}},
		{"tenant of a later file", "--tenant: /etc/regent/config.d/30.yaml:1 sets", append(vendor, tenant("drop-in", "/etc/regent/config.d/30.yaml:1")), []string{"--tenant", "other-host.com"}},
		{"tenant of the registry", `--tenant: HKLM\Software sets`, append(vendor, tenant("drop-in", `HKLM\Software`)), []string{"--tenant", "other-host.com"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, path := emptyDevice(t)
			all := slices.Clone(tt.keys)
			for i := range all {
				all[i].Source = strings.Replace(all[i].Source, "/etc/regent/config.d", filepath.Dir(path), 1)
			}
			got := cliRun{daemon: keys(d, all...)}.run(t, append([]string{"setup", "--dry-run"}, tt.args...)...)
			if want := strings.Replace(tt.want, "/etc/regent/config.d", filepath.Dir(path), 1); !strings.Contains(got.Out+got.Err, want) {
				t.Errorf("got %+v, want %q", got, want)
			}
		})
	}
}

// TestSetupCountsOnlyNewInstances: an auth token that is stored costs nothing, also if its
// instance is not configured now.
func TestSetupCountsOnlyNewInstances(t *testing.T) {
	d, _ := emptyDevice(t)
	config := d.status.ConfigFile
	d.status = servingDevice() // cad/1 and cad/2
	d.status.ConfigFile = config
	keys(d,
		api.PolicyKey{Key: "tenant", Value: "https://demo-host.com", Level: "local", Source: "c:1"},
		api.PolicyKey{Key: "applications.cad.id", Value: "cad", Level: "local", Source: "c:2"},
		api.PolicyKey{Key: "applications.cad.instances", Value: "2", Level: "local", Source: "c:3"})
	d.ledger.Entries = []api.LedgerEntry{
		{ID: "r1", Kind: redeem.Intent, Tenant: "demo-host.com", Instance: "cad/3"},
		{ID: "r1", Kind: redeem.Confirmed, Tenant: "demo-host.com", Instance: "cad/3"},
	}
	for n, want := range map[string][]string{"2": {}, "3": {}, "5": {"cad/4", "cad/5"}} {
		got := cliRun{daemon: d}.run(t, "setup", "--dry-run", "--json", "--instances", n, "--users", "root")
		var r setupResult
		if err := json.Unmarshal([]byte(got.Out), &r); err != nil {
			t.Fatalf("%v: %+v", err, got)
		}
		if r.Counts != len(want) || r.Action != "dry_run" || r.Application != "cad" {
			t.Errorf("%s instances: got %+v, want %d counts", n, r, len(want))
		}
	}
}

// TestSetupOutcome: the end names each kind of missing token, and the exit code follows.
func TestSetupOutcome(t *testing.T) {
	state := func(s token.State) status.Instance { return status.Instance{Name: "cad/1", State: string(s)} }
	refused := state(token.Unredeemed)
	refused.LastFault = &status.Fault{Code: string(fault.RegistrationRefused), Detail: "no"}
	for _, tt := range []struct {
		name string
		i    status.Instance
		plan setupPlan
		code int
	}{
		{"live", liveInstance("cad/1"), setupPlan{}, 0},
		{"no token", state(token.Unredeemed), setupPlan{}, 5},
		{"on demand", state(token.Unredeemed), setupPlan{stored: true, onDemand: true}, 0},
		{"not yet", state(token.Unredeemed), setupPlan{stored: true}, 1},
		{"refused", refused, setupPlan{stored: true}, 1},
		{"revoked", state(token.Revoked), setupPlan{}, 1},
	} {
		tt.plan.id = "cad"
		text, err := setup{cli: &cli{}}.outcome(tt.plan, []status.Instance{tt.i})
		if exitCode(err) != tt.code || strings.Contains(text, "regent exec") != (tt.code == 0) {
			t.Errorf("%s: got %v and %q, want code %d", tt.name, err, text, tt.code)
		}
	}
}

func TestSetupInvoker(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("Windows has no sudo")
	}
	for _, tt := range []struct {
		uid, name, want string
		euid            int
	}{
		{"0", "root", "", 0},
		{"4242", "nobody-of-this-name", "uid:4242", 0},
		{"4242", "root", "uid:4242", 0}, // the name is of another uid
		{"4242", "nobody-of-this-name", "", 1000},
	} {
		env := map[string]string{"SUDO_UID": tt.uid, "SUDO_USER": tt.name}
		a := setupAnswers{setup: setup{cli: &cli{runtimeEnv: runtimeEnv{euid: tt.euid, getenv: func(name string) string { return env[name] }}}}}
		if got := strings.Join(a.invoker(), ","); got != tt.want {
			t.Errorf("%+v: got %q", tt, got)
		}
	}
}

// TestSetupCorrectsTheTenant: the tenant of another file replaces the one in the file of
// setup, and a tenant that another file decides is refused.
func TestSetupCorrectsTheTenant(t *testing.T) {
	for _, args := range [][]string{{"--token-stdin"}, nil} {
		d, path := emptyDevice(t)
		const rest = "applications:\n  - id: cad\n    instances: 2\n"
		if err := replaceFile(path, "tenant: https://demo-hots.example\n"+rest); err != nil {
			t.Fatal(err)
		}
		hides := []api.PolicyValue{{Value: "https://demo-host.com", Level: "local", Source: "/etc/regent/config.yaml:1"}}
		keys(d,
			api.PolicyKey{Key: "tenant", Value: "https://demo-hots.example", Level: "drop-in", Source: path + ":1", Hides: hides},
			api.PolicyKey{Key: "applications.cad.id", Value: "cad", Level: "local", Source: "/etc/regent/config.yaml:2"},
			api.PolicyKey{Key: "applications.cad.allow", Value: "[{everyone: true}]", Level: "local", Source: "/etc/regent/config.yaml:3"})
		got := cliRun{daemon: d, stdin: sound}.run(t, append([]string{"setup", "--json", "--dry-run", "--application", "cad", "--tenant", "demo-host.com"}, args...)...)
		var r setupResult
		if err := json.Unmarshal([]byte(got.Out), &r); err != nil {
			t.Fatalf("%v: %+v", err, got)
		}
		if r.Tenant != "https://demo-host.com" || strings.Contains(r.Content, "tenant") {
			t.Errorf("got %+v", r)
		}
	}
}

// TestSetupSealsForNoOtherTenant: if regentd uses another tenant than the plan, no
// registration token is sent.
func TestSetupSealsForNoOtherTenant(t *testing.T) {
	d, path := emptyDevice(t)
	keys(d, api.PolicyKey{Key: "applications.cad.tenant", Value: "https://demo-hots.example", Level: "drop-in", Source: path + ":2"})
	if err := replaceFile(path, "tenant: https://demo-host.com\n"); err != nil {
		t.Fatal(err)
	}
	got := cliRun{daemon: d, stdin: sound}.run(t, "setup", "--yes", "--application", "cad", "--tenant", "demo-host.com", "--users", "root", "--token-stdin")
	if want := ":2 sets the tenant of cad to https://demo-hots.example, not to https://demo-host.com"; got.Code == 0 || !strings.Contains(got.Err, want) {
		t.Errorf("got %+v, want %q", got, want)
	}
	if slices.ContainsFunc(d.requests, func(r any) bool { _, sent := r.(api.RegistrationRequest); return sent }) {
		t.Error("the registration token was sent")
	}
}

// TestSetupLeavesTokens: the plan names the auth tokens that the new configuration does not
// use, and --yes without a registration token writes the file.
func TestSetupLeavesTokens(t *testing.T) {
	live := func(names ...string) (all []status.Instance) {
		for _, n := range names {
			all = append(all, status.Instance{Name: n, State: string(token.Live), ExpiresIn: 600})
		}
		return all
	}
	device := func(t *testing.T) *fakeDaemon {
		d, _ := emptyDevice(t)
		d.status.Applications = []status.Application{{ID: "cad", Tenant: "demo-host.com", Instances: live("cad/1", "cad/2", "cad/3")}}
		return keys(d,
			api.PolicyKey{Key: "tenant", Value: "https://demo-host.com", Level: "local", Source: "/etc/regent/config.yaml:1"},
			api.PolicyKey{Key: "applications.cad.id", Value: "cad", Level: "local", Source: "/etc/regent/config.yaml:2"},
			api.PolicyKey{Key: "applications.cad.instances", Value: "3", Level: "local", Source: "/etc/regent/config.yaml:3"},
			api.PolicyKey{Key: "applications.cad.allow", Value: "[{everyone: true}]", Level: "local", Source: "/etc/regent/config.yaml:4"})
	}
	for args, want := range map[string]string{
		"--tenant other-host.com": "the application will not use the auth tokens of cad/1, cad/2, cad/3 at demo-host.com any more. Their counts stay used",
		"--instances 1":           "cad/2, cad/3 will not be used any more. The counts stay used",
	} {
		got := cliRun{daemon: device(t)}.run(t, append([]string{"setup", "--json", "--dry-run", "--application", "cad"}, strings.Fields(args)...)...)
		if !strings.Contains(got.Out, want) {
			t.Errorf("%s: %+v", args, got)
		}
	}
	d, path := emptyDevice(t)
	got := cliRun{daemon: d}.run(t, "setup", "--yes", "--application", "cad", "--tenant", "demo-host.com", "--users", "root")
	if strings.Contains(got.Err, "there is no terminal") {
		t.Errorf("%s: %+v", path, got)
	}
}

// cadOfTwo is a daemon that serves cad/1, with cad/2 in the state of i.
func cadOfTwo(t *testing.T, i status.Instance, stored bool) *fakeDaemon {
	t.Helper()
	d, _ := emptyDevice(t)
	config := d.status.ConfigFile
	d.status = servingDevice()
	d.status.ConfigFile = config
	i.Name = "cad/2"
	d.status.Applications[0].Instances[1] = i
	d.status.Tenants[0].RegistrationToken = nil
	if stored {
		d.status.Tenants[0].RegistrationToken = &status.RegistrationToken{Source: "terminal"}
	}
	return keys(d, configured("local", "config.yaml", "[{everyone: true}]")...)
}

// TestSetupNamesRedeem: setup does not promise a count that only instances redeem uses, and
// does not wait for it.
func TestSetupNamesRedeem(t *testing.T) {
	d := cadOfTwo(t, status.Instance{State: string(token.Unredeemed), LastFault: &status.Fault{Code: "not_registered", Detail: "an administrator deleted its auth token"}}, true)
	d.ledger.Entries = []api.LedgerEntry{
		{ID: "r2", Kind: redeem.Intent, Tenant: "demo-host.com", Instance: "cad/2"},
		{ID: "r2", Kind: redeem.Confirmed, Tenant: "demo-host.com", Instance: "cad/2"},
		{ID: "r2", Kind: redeem.Forgotten, Tenant: "demo-host.com", Instance: "cad/2"},
	}
	got := cliRun{daemon: d}.run(t, "setup", "--yes", "--application", "cad", "--instances", "2")
	text := strings.Join(strings.Fields(got.Out), " ")
	for _, want := range []string{"No count is used.", "cad/2 waits for an administrator", "instances redeem cad/2"} {
		if !strings.Contains(text, want) {
			t.Errorf("got %+v, want %q", got, want)
		}
	}
	if strings.Contains(got.Out, "This uses") || got.Code != exitNotRegistered {
		t.Errorf("got %+v", got)
	}
}

// TestSetupAsksAgain: the count of a refused registration token may be raised now.
func TestSetupAsksAgain(t *testing.T) {
	d := cadOfTwo(t, status.Instance{State: string(token.Unredeemed), LastFault: &status.Fault{Code: "registration_exhausted", At: noon.Add(-time.Hour)}}, true)
	got := cliRun{daemon: d}.run(t, "setup", "--yes", "--application", "cad", "--instances", "2", "--wait", "0s")
	if !slices.Contains(d.requests, any("redeem cad 2")) || !strings.Contains(strings.Join(strings.Fields(got.Out), " "), "Regent asks it again.") || strings.Contains(got.Err, "registration_exhausted") {
		t.Errorf("got %+v, requests %v", got, d.requests)
	}
}

// TestSetupWarnsOfAnUncertainRedemption: after unregister, only the ledger knows it.
func TestSetupWarnsOfAnUncertainRedemption(t *testing.T) {
	d := cadOfTwo(t, status.Instance{State: string(token.Unredeemed)}, false)
	d.ledger.Entries = []api.LedgerEntry{
		{ID: "r2", Kind: redeem.Intent, Tenant: "demo-host.com", Instance: "cad/2"},
		{ID: "r2", Kind: redeem.Uncertain, Tenant: "demo-host.com", Instance: "cad/2"},
		{Kind: redeem.Unregistered},
	}
	got := cliRun{daemon: d}.run(t, "setup", "--dry-run", "--application", "cad", "--instances", "2")
	text := strings.Join(strings.Fields(got.Out), " ")
	if !strings.Contains(text, "Warning: redemption r2 of cad/2 may have used a count") || !strings.Contains(text, "This uses 1 count") {
		t.Errorf("got %+v", got)
	}
}
