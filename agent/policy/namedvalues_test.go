package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/authz"
	"regent/agent/policy"
)

const hive = `HKLM\SOFTWARE\Policies\Regent\`

// registry returns a managed layer of values, by name.
func registry(values map[string]any) policy.Layer {
	l := policy.Layer{Name: strings.TrimSuffix(hive, `\`), Rank: policy.Managed, Values: []policy.Value{}}
	for name, data := range values {
		l.Values = append(l.Values, policy.Value{Name: name, Place: hive + name, Data: data})
	}
	slices.SortFunc(l.Values, func(a, b policy.Value) int { return strings.Compare(a.Name, b.Name) })
	return l
}

func TestValuesOfTheRegistry(t *testing.T) {
	res, problems := policy.Resolve(
		policy.Layer{Name: "config.yaml", Rank: policy.Local, Data: []byte("tenant: local\napplications: [{id: cad, instances: 9, allow: [{everyone: true}]}]")},
		registry(map[string]any{
			"Tenant": "https://managed.example/", "KEEPREGISTRATIONTOKEN": int64(1), "LimitsRedeemUncertainRetries": "3",
			"NetworkTimeout": "10s", "NetworkCAFile": `C:\ProgramData\Regent\ca.pem`, "Audit": "required",
			"Applications": map[string]any{
				"cad": `{"allow": [{"groups": ["S-1-5-32-545"]}]}`,
				"1":   `{"id": "viewer", "instances": 2, "allow": [{"everyone": true}]}`,
			},
		}))
	if len(problems) > 0 {
		t.Fatal(texts(problems))
	}
	s := res.Settings
	if s.Tenant != "https://managed.example" || !s.KeepRegistrationToken || s.Limits.RedeemUncertainRetries != 3 ||
		s.Network.CAFile != `C:\ProgramData\Regent\ca.pem` || s.Audit != policy.Required {
		t.Errorf("got %+v", s)
	}
	cad, _ := findApplication(s, "cad")
	if diff := cmp.Diff(cad.Allow, []authz.Rule{{Groups: []string{"S-1-5-32-545"}}}, ignoreOrigins); diff != "" || cad.Instances != 9 {
		t.Errorf("cad has %d instances; its rules (-got +want):\n%s", cad.Instances, diff)
	}
	if p, _ := res.Provenance("applications.cad.allow"); p.Origin.String() != hive+`Applications\cad` || len(p.Hidden) != 1 {
		t.Errorf("the rule is from %s and hides %v", p.Origin, p.Hidden)
	}
	if p, _ := res.Provenance("tenant"); p.Origin.String() != hive+"Tenant" {
		t.Errorf("the tenant is from %s", p.Origin)
	}
	if v, ok := findApplication(s, "viewer"); !ok || v.Instances != 2 {
		t.Errorf("the application that is numbered is %+v", v)
	}
}

// TestValuesOfPreferences is what a property list decodes into.
func TestValuesOfPreferences(t *testing.T) {
	res, problems := policy.Resolve(registry(map[string]any{
		"Tenant": "demo-host.com", "KeepRegistrationToken": true, "LimitsRedeemUncertainRetries": int64(0),
		"Applications": []any{map[string]any{
			"id": "cad", "instances": int64(2), "allow": []any{map[string]any{"users": []any{"alice"}}},
		}},
	}))
	if len(problems) > 0 {
		t.Fatal(texts(problems))
	}
	if cad, _ := findApplication(res.Settings, "cad"); cad.Instances != 2 || len(cad.Allow) != 1 {
		t.Errorf("got %+v", res.Settings)
	}
}

func TestInvalidValuesAreIgnoredAlone(t *testing.T) {
	deep := any("x")
	for range 40 {
		deep = []any{deep}
	}
	res, problems := policy.Resolve(registry(map[string]any{
		"Tenant": "demo-host.com", "Tenent": "x", "RegistrationToken": "s3cret", "Audit": int64(1), "NetworkTimeout": int64(30),
		"LogLevel": nil, "LogFormat": []any{"text"}, "StoreKeyring": deep, "LimitsRedeemSplay": "1 second", "RefreshMode": "s3cret",
		"KeepRegistrationToken": int64(2),
		"Applications": map[string]any{
			"good": `{"allow": [{"everyone": true}]}`, "other": `{"id": "another"}`, "list": `[1]`, "half": `{"instances": `, "number": int64(1),
			"empty": "", "1": `{"id": "twice"}`, "2": `{"id": "twice"}`, "3": `{"instances": 2}`, "BAD NAME": `{}`, "typo": `{"instance": 2}`,
		},
	}))
	want, _ := policy.Resolve(registry(map[string]any{
		"Tenant": "demo-host.com", "Applications": map[string]any{"good": `{"allow": [{"everyone": true}]}`, "typo": `{}`},
	}))
	if diff := cmp.Diff(res.Settings, want.Settings, ignoreOrigins); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
	all := strings.Join(texts(problems), "\n")
	for _, place := range []string{
		"Tenent: Tenent: is not a known policy; did you mean Tenant?", "RegistrationToken: RegistrationToken: must not contain a secret",
		"Audit: audit:", "NetworkTimeout: network.timeout: has no unit", "LogLevel: log.level: has an unsupported type", "LogFormat: log.format:", "StoreKeyring: store.keyring:",
		"LimitsRedeemSplay:", "RefreshMode:", "KeepRegistrationToken:", `Applications\other: applications.other: has another id than its name`,
		`Applications\list:`, `Applications\half:`, `Applications\number:`, `Applications\empty:`, `Applications\2: applications.twice: is listed a second time;`,
		`Applications\3: applications[3]: has no id`, `Applications\BAD NAME:`, "typo.instance: is not a known key; did you mean instances?",
	} {
		if !strings.Contains(all, place) {
			t.Errorf("no problem says %q:\n%s", place, all)
		}
	}
	if strings.Contains(all, "s3cret") || policy.Fatal(problems) != nil {
		t.Errorf("a value is repeated, or a problem of policy is fatal:\n%s", all)
	}
}

// FuzzApplicationValue gives arbitrary text to the decoder of an application in
// a value: it sets that application or nothing, and never what stands beside it.
func FuzzApplicationValue(f *testing.F) {
	f.Fuzz(func(t *testing.T, name, text string) {
		res, problems := policy.Resolve(registry(map[string]any{"Tenant": "a", "Applications": map[string]any{name: text}}))
		if policy.Fatal(problems) != nil || len(res.Settings.Applications) > 1 || res.Settings.Tenant != "https://a" {
			t.Errorf("got %+v, %v", res.Settings, texts(problems))
		}
		for _, p := range problems {
			if strings.ContainsAny(p.Text, "\n\r\x00") {
				t.Errorf("problem %q: want one line", p.Text)
			}
		}
	})
}
