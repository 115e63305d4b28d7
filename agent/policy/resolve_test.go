package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/policy"
	"regent/agent/tms/contract"
)

func TestDefaults(t *testing.T) {
	got, problems := policy.Resolve()
	want := policy.Settings{
		Network: policy.Network{Timeout: 30 * time.Second},
		Refresh: policy.Refresh{Mode: contract.Auto, OnRefreshExpired: policy.Wait},
		Contract: policy.Contract{
			BasePath: "/token/api/v5", Reply: contract.AnyForm, AccessTokenName: contract.AnyForm, RegistrationHeader: contract.Basic, Request: contract.Auto,
		},
		Store:  policy.Store{Keyring: policy.AutoKeyring, OnClone: policy.Quarantine, OnUninstall: policy.Keep},
		Limits: policy.Limits{RedeemUncertainRetries: 1, RedeemSplay: 2 * time.Second, RefreshFloor: 5 * time.Second, RefreshRate: 10},
		Audit:  policy.BestEffort,
		Log:    policy.Log{Level: "info", Format: "text"},

		Support: policy.Support{UserNames: true},
	}
	if diff := cmp.Diff(got.Settings, want); diff != "" || len(problems) > 0 {
		t.Errorf("problems %v; -got +want\n%s", texts(problems), diff)
	}
}

func TestOrigin(t *testing.T) {
	for want, o := range map[string]policy.Origin{
		"default":         {},
		"managed":         {Rank: policy.Managed},
		"/etc/a.yaml":     {Rank: policy.Local, Name: "/etc/a.yaml"},
		"/etc/b/a.yaml:7": {Rank: policy.Dropin, Name: "/etc/b/a.yaml", Line: 7},
	} {
		if got := o.String(); got != want {
			t.Errorf("%+v is %q, want %q", o, got, want)
		}
	}
	for want, r := range map[string]policy.Rank{"local": policy.Local, "drop-in": policy.Dropin, "rank 9": 9} {
		if got := r.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestLaterLayerWins(t *testing.T) {
	got, problems := policy.Resolve( // in no order: the rank decides
		managed("log: {level: error}"),
		dropin("20.yaml", "audit: required\nlimits: {redeem_uncertain_retries: 3}"),
		local("audit: best_effort\nlog: {level: debug, format: json}"),
		dropin("30.yaml", "limits: {redeem_uncertain_retries: 2}\nlog: {level: warn}"),
	)
	if len(problems) > 0 {
		t.Fatalf("problems: %v", texts(problems))
	}
	s := got.Settings
	if got, want := s.Log, (policy.Log{Level: "error", Format: "json"}); got != want {
		t.Errorf("log is %v, want %v", got, want)
	}
	if s.Audit != policy.Required || s.Limits.RedeemUncertainRetries != 2 {
		t.Errorf("audit is %s, retries are %d, want required and 2", s.Audit, s.Limits.RedeemUncertainRetries)
	}

	p, ok := got.Provenance("log.level")
	want := policy.Provenance{
		Key:   "log.level",
		Found: policy.Found{Value: "error", Origin: policy.Origin{Rank: policy.Managed, Name: "policy.yaml", Line: 1}},
		Hidden: []policy.Found{
			{Value: "warn", Origin: policy.Origin{Rank: policy.Dropin, Name: "30.yaml", Line: 2}},
			{Value: "debug", Origin: policy.Origin{Rank: policy.Local, Name: "config.yaml", Line: 2}},
		},
	}
	if diff := cmp.Diff(p, want); diff != "" || !ok {
		t.Errorf("-got +want\n%s", diff)
	}
}

func TestApplicationsMergeByID(t *testing.T) {
	got, problems := policy.Resolve(
		local("tenant: a\napplications: [{id: cad, instances: 2, allow: [{everyone: true}]}]"),
		dropin("viewer.yaml", "applications: [{id: viewer, allow: [{users: [alice]}]}]"),
		dropin("zcad.yaml", "applications: [{id: cad, instances: 5, redeem: on_demand}]"),
	)
	if len(problems) > 0 {
		t.Fatalf("problems: %v", texts(problems))
	}
	cad, _ := findApplication(got.Settings, "cad")
	if cad.Instances != 5 || cad.Redeem != policy.OnDemand || len(cad.Allow) != 1 || cad.Origin != "config.yaml:2" {
		t.Errorf("cad is %+v, want 5 instances, on_demand, one rule, origin config.yaml:2", cad)
	}
	if viewer, ok := findApplication(got.Settings, "viewer"); !ok || viewer.Tenant != "https://a" {
		t.Errorf("viewer is %+v, want it to have the default tenant", viewer)
	}
	if _, ok := findApplication(got.Settings, "none"); ok {
		t.Error("an application that nobody configured was found")
	}
	p, _ := got.Provenance("applications.cad.instances")
	if p.Value != "5" || p.Origin.Name != "zcad.yaml" || len(p.Hidden) != 1 || p.Hidden[0].Value != "2" {
		t.Errorf("instances came from %+v, want zcad.yaml before config.yaml", p)
	}
}

func TestLocalCannotExtendManagedAllow(t *testing.T) {
	for _, rules := range []string{"[{groups: [engineering]}]", "[]"} {
		got, _ := policy.Resolve(
			local("tenant: a\napplications: [{id: cad, allow: [{everyone: true}]}]"),
			dropin("z.yaml", "applications: [{id: cad, allow: [{users: [mallory]}]}]"),
			managed("applications: [{id: cad, allow: "+rules+"}]"),
		)
		cad, ok := findApplication(got.Settings, "cad")
		if !ok {
			t.Fatal("cad is gone")
		}
		for _, r := range cad.Allow {
			if r.Everyone || len(r.Users) > 0 {
				t.Errorf("with managed allow %s the local rule %+v is in force", rules, r)
			}
		}
		if p, _ := got.Provenance("applications.cad.allow"); p.Value != rules || len(p.Hidden) != 2 {
			t.Errorf("allow came from %+v, want %s and two hidden lists", p, rules)
		}
	}
}

func TestBadManagedValueIsIgnoredAlone(t *testing.T) {
	got, problems := policy.Resolve(
		local("tenant: a\naudit: required\napplications: [{id: cad, instances: 2, allow: [{users: [alice]}]}]"),
		managed("audit: loud\nlog: {level: error, format: 3}\napplications:\n- {id: cad, instances: many, allow: [{}], redeem: on_demand}\n- {id: BAD}\n"),
	)
	if err := policy.Fatal(problems); err != nil {
		t.Errorf("policy stops the start: %v", err)
	}
	want := []string{
		"policy.yaml:1: audit: is not a valid value; write best_effort or required",
		"policy.yaml:2: log.format: is not a valid value; write text or json",
		`policy.yaml:5: applications[1].id: application id "BAD": only a-z, 0-9 and - are allowed, and - is not first`,
		"policy.yaml:4: applications.cad.instances: is text; write a whole number from 1 to 10000, without quotes",
		"policy.yaml:4: applications.cad.allow[0]: has no condition; name users, groups, executables, units or signers, or write everyone: true",
	}
	if diff := cmp.Diff(texts(problems), want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	s := got.Settings
	cad, _ := findApplication(s, "cad")
	if s.Audit != policy.Required || s.Log.Level != "error" || s.Log.Format != "text" ||
		cad.Instances != 2 || cad.Redeem != policy.OnDemand || cad.Allow[0].Users[0] != "alice" {
		t.Errorf("settings are %+v, want every good value in force", s)
	}
}

func TestDuplicatePolicyKeyIsIgnored(t *testing.T) {
	got, problems := policy.Resolve(
		local("tenant: a\nlog: {level: warn}\napplications: [{id: cad, instances: 2, allow: []}]"),
		managed("log: {level: debug, level: error}\napplications: [{id: cad, instances: 3}, {id: cad, instances: 4}]"),
	)
	if len(problems) != 3 || policy.Fatal(problems) != nil { // the third: nobody may use cad
		t.Errorf("problems %v, want one for each that is there twice", texts(problems))
	}
	cad, _ := findApplication(got.Settings, "cad")
	if got.Settings.Log.Level != "warn" || cad.Instances != 2 {
		t.Errorf("level %s, %d instances, want the local warn and 2", got.Settings.Log.Level, cad.Instances)
	}
}

func TestRedeemNeedsAKeptToken(t *testing.T) {
	const redeem, keep, drop = "refresh: {on_refresh_expired: redeem}", "keep_registration_token: true", "keep_registration_token: false"
	tests := []struct {
		name     string
		layers   []policy.Layer
		want     string // effective on_refresh_expired, where nothing is fatal
		problems int
		fatal    bool
	}{
		{"both", []policy.Layer{local(redeem + "\n" + keep)}, policy.RedeemAgain, 0, false},
		{"in two layers", []policy.Layer{local(redeem), managed(keep)}, policy.RedeemAgain, 0, false},
		{"local alone", []policy.Layer{local(redeem)}, "", 1, true},
		{"local against local", []policy.Layer{local(redeem), dropin("a", drop)}, "", 1, true},
		{"managed alone", []policy.Layer{managed(redeem)}, policy.Wait, 1, false},
		{"managed above local", []policy.Layer{local("refresh: {on_refresh_expired: wait}"), managed(redeem)}, policy.Wait, 1, false},
		{"policy keeps none", []policy.Layer{local(redeem + "\n" + keep), managed(drop)}, policy.Wait, 1, false},
		{"policy keeps none, two ask", []policy.Layer{local(redeem), dropin("a", redeem), managed(drop)}, policy.Wait, 2, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, problems := policy.Resolve(tt.layers...)
			if len(problems) != tt.problems || (policy.Fatal(problems) != nil) != tt.fatal {
				t.Fatalf("problems %v, want %d, fatal %t", texts(problems), tt.problems, tt.fatal)
			}
			if got := got.Settings.Refresh.OnRefreshExpired; !tt.fatal && got != tt.want {
				t.Errorf("on_refresh_expired is %s, want %s", got, tt.want)
			}
			for _, p := range problems {
				if !strings.Contains(p.Error(), "on_refresh_expired") || !strings.Contains(p.Error(), "keep_registration_token") {
					t.Errorf("%q does not name both keys", p)
				}
			}
		})
	}
}

// TestRefreshByRegistrationTokenNeedsAKeptOne: the mode that shows the
// registration token again is no good without one.
func TestRefreshByRegistrationTokenNeedsAKeptOne(t *testing.T) {
	const mode, keep = "refresh: {mode: tms_registration}", "keep_registration_token: true"
	tests := []struct {
		name   string
		layers []policy.Layer
		want   string
		fatal  bool
		text   string
	}{
		{"kept", []policy.Layer{local(mode + "\n" + keep)}, contract.ModeTMSRegistration, false, ""},
		{"not kept", []policy.Layer{local(mode)}, "", true, "config.yaml:1: refresh.mode: is tms_registration, which needs a kept registration token, but keep_registration_token is false (default)"},
		{"policy asks for it", []policy.Layer{local("refresh: {mode: tms}"), managed(mode)}, contract.ModeTMS, false, "write keep_registration_token: true, or mode: auto"},
		{"policy keeps none", []policy.Layer{local(mode + "\n" + keep), managed("keep_registration_token: false")}, contract.Auto, false, "keep_registration_token is false (policy.yaml:1)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, problems := policy.Resolve(tt.layers...)
			if all := strings.Join(texts(problems), "\n"); !strings.Contains(all, tt.text) || (tt.text == "") != (all == "") || (policy.Fatal(problems) != nil) != tt.fatal {
				t.Fatalf("problems %q, want %q, fatal %t", all, tt.text, tt.fatal)
			}
			if got := got.Settings.Refresh.Mode; !tt.fatal && got != tt.want {
				t.Errorf("mode %s, want %s", got, tt.want)
			}
		})
	}
}

func TestBasePath(t *testing.T) {
	for path, good := range map[string]bool{
		"/token/api/v5": true, "/a": true, "/tms-1/api_2/v5.1": true,
		"": false, "/": false, "token": false, "/token/": false, "/../x": false, "/a//b": false, "/a?b": false, "/a b": false, "/a%2f": false, "https://h/a": false,
	} {
		_, problems := policy.Resolve(local("contract: {base_path: \"" + path + "\"}"))
		if got := len(problems) == 0; got != good {
			t.Errorf("%q: problems %v, want %t", path, texts(problems), good)
		}
	}
}

func TestApplicationThatCannotWork(t *testing.T) {
	t.Run("no tenant", func(t *testing.T) {
		got, problems := policy.Resolve(dropin("cad.yaml", "applications: [{id: cad, allow: [{everyone: true}]}]"))
		want := []string{"cad.yaml:1: applications.cad: has no tenant, so it is ignored; write tenant: at the top of config.yaml, or beside the id"}
		if diff := cmp.Diff(texts(problems), want); diff != "" || len(got.Settings.Applications) != 0 {
			t.Errorf("applications %v; -got +want\n%s", got.Settings.Applications, diff)
		}
		if err := policy.Fatal(problems); err != nil {
			t.Errorf("%v stops the start, though the tenant may come by policy at any time", err)
		}
	})
	t.Run("no rule", func(t *testing.T) {
		got, problems := policy.Resolve(local("tenant: a\napplications: [{id: cad}]"))
		want := []string{"config.yaml:2: applications.cad: has no allow rule, so every request is denied; write one such as allow: [{groups: [engineering]}]"}
		if diff := cmp.Diff(texts(problems), want); diff != "" || len(got.Settings.Applications) != 1 {
			t.Errorf("applications %v; -got +want\n%s", got.Settings.Applications, diff)
		}
		if err := policy.Fatal(problems); err != nil {
			t.Errorf("%v stops the start", err)
		}
	})
}

func TestByTenant(t *testing.T) {
	got, _ := policy.Resolve(local("tenant: b\napplications: [{id: cad, tenant: a}, {id: viewer, tenant: A}, {id: zip, tenant: c}]"))
	type row struct {
		URL string
		IDs []string
	}
	var rows []row
	for _, tenant := range got.Settings.ByTenant() {
		r := row{URL: tenant.URL}
		for _, a := range tenant.Applications {
			r.IDs = append(r.IDs, a.ID)
		}
		rows = append(rows, r)
	}
	want := []row{{"https://a", []string{"cad", "viewer"}}, {"https://b", nil}, {"https://c", []string{"zip"}}}
	if diff := cmp.Diff(rows, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}

func TestProvenance(t *testing.T) {
	got, problems := policy.Resolve(local(everyKey))
	if len(problems) > 0 {
		t.Fatal(texts(problems))
	}
	tests := []struct{ key, value, origin string }{
		{"tenant", "https://demo-host.com", "config.yaml:2"},
		{"network.timeout", "1m30s", "config.yaml:19"},
		{"limits.redeem_splay", "0s", "config.yaml:23"},
		{"keep_registration_token", "true", "config.yaml:4"},
		{"applications.cad.instances", "2", "config.yaml:9"},
		{"applications.viewer.instances", "1", "default"},
		{"applications.viewer.tenant", "https://demo-host.com", "config.yaml:2"},
		{"applications.viewer.registration_token_file", `""`, "default"},
		{"applications.viewer.allow", "[{everyone: true}]", "config.yaml:18"},
		{"applications.cad.allow", `[{users: [alice, 1000], groups: [engineering], units: [cad-render.service], signers: ["O=\"Example, Inc.\", C=US"], executables: [{path: /opt/cad/bin/cad, sha256: ` +
			strings.Repeat("abcdef0123456789", 4) + `}]}]`, "config.yaml:12"},
		{"applications.cad.registration_token_file", `"C:\\ProgramData\\Regent\\token"`, "config.yaml:8"},
	}
	for _, tt := range tests {
		p, ok := got.Provenance(tt.key)
		if !ok || p.Key != tt.key || p.Value != tt.value || p.Origin.String() != tt.origin {
			t.Errorf("%s is %s from %s (%t), want %s from %s", p.Key, p.Value, p.Origin, ok, tt.value, tt.origin)
		}
	}
	for _, key := range []string{"", "network", "applications", "applications.*.id", "applications.none.id", "applications.cad.none", "tenent"} {
		if p, ok := got.Provenance(key); ok {
			t.Errorf("%q has provenance %+v, want none", key, p)
		}
	}
	for _, key := range got.Keys() {
		if _, ok := got.Provenance(key); !ok {
			t.Errorf("%s has no provenance", key)
		}
	}
}

// findApplication finds an application by its ID.
func findApplication(s policy.Settings, id string) (policy.Application, bool) {
	for _, a := range s.Applications {
		if a.ID == id {
			return a, true
		}
	}
	return policy.Application{}, false
}

// An error about the number of instances names the file that decides it.
func TestInstancesOrigin(t *testing.T) {
	base := local("tenant: a\napplications: [{id: cad, allow: [{everyone: true}]}]")
	for want, layers := range map[string][]policy.Layer{
		"config.yaml:2": {base},
		"zcad.yaml:1":   {base, dropin("zcad.yaml", "applications: [{id: cad, instances: 5}]")},
	} {
		got, problems := policy.Resolve(layers...)
		if len(problems) > 0 {
			t.Fatal(texts(problems))
		}
		if cad, _ := findApplication(got.Settings, "cad"); cad.InstancesOrigin != want {
			t.Errorf("instances are from %s, want %s", cad.InstancesOrigin, want)
		}
	}
}
