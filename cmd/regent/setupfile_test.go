package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"regent/agent/authz"
)

// TestSetupFileRoundTrips: the parser of regentd reads what setup writes, with every name
// that the parser accepts, and refuses all other names before they are written.
func TestSetupFileRoundTrips(t *testing.T) {
	name := rapid.OneOf(
		rapid.StringMatching(`[a-z]{1,8}`), rapid.String(),
		rapid.SampledFrom([]string{"null", "~", "yes", "1e3", "0x10", "- a", "a: b", "a #b", "'", `"`, `\`, `DOMAIN\bob`, "{a}", "[a]", "&a", "*a", "!a", "%a", "@a", "`a", "a\nb: c", "\u2028", "uid:7", "user:#"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		f := setupFile{Tenant: rapid.SampledFrom([]string{"", "https://demo-host.com", "http://127.0.0.1:8080"}).Draw(t, "tenant")}
		for _, id := range rapid.SliceOfNDistinct(rapid.StringMatching(`([a-z0-9][a-z0-9-]{0,9}|null|no|1e3|0x10|1)`), 0, 3, rapid.ID).Draw(t, "ids") {
			a := setupApplication{ID: id, Instances: rapid.IntRange(0, 10_000).Draw(t, "instances")}
			for _, n := range rapid.SliceOfN(name, 0, 3).Draw(t, "names") {
				if r := (authz.Rule{Users: []string{n}}); checkRule(r) == nil && strings.TrimSpace(n) == n && n != "" {
					a.Allow = append(a.Allow, r)
				}
			}
			f = f.with(a)
		}
		got, err := parseSetup("f", f.render())
		if err != nil {
			t.Fatalf("%v:\n%s", err, f.render())
		}
		if diff := cmp.Diff(got, f, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(authz.Rule{}, "Origin")); diff != "" {
			t.Errorf("(-got +want):\n%s\n%s", diff, f.render())
		}
		if got.render() != f.render() {
			t.Errorf("written again it is\n%s\nand was\n%s", got.render(), f.render())
		}
	})
}

// TestParseSetupRefusesOtherKeys: a key that setup does not write would be lost.
func TestParseSetupRefusesOtherKeys(t *testing.T) {
	const application = "applications:\n  - id: cad\n"
	for content, want := range map[string]string{
		"":                                 "",
		"# only a comment\n":               "",
		"tenant: demo-host.com\n":          "",
		application + "    instances: 2\n": "",
		application + "    allow: [{everyone: true}, {users: [alice], executables: [{path: /bin/cad}]}]\n": "",
		"network: {timeout: 20s}\n":                               "f: regent setup does not write the key network.timeout",
		application + "    tenant: other-host.com\n":              "f: regent setup does not write the key applications.cad",
		application + "    redeem: on_demand\n    instances: 1\n": "f: regent setup does not write the key applications.cad.redeem",
		application:    "f: regent setup does not write the key applications.cad",
		"tennant: x\n": "f:1: tennant: ",
		"tenant: [\n":  "f:1: not YAML",
	} {
		_, err := parseSetup("f", content)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", content, err, want)
		}
	}
}

func TestDiffLines(t *testing.T) {
	for _, tt := range []struct{ before, after, want string }{
		{"a\nb\nc\n", "a\nx\nc\n", " a|-b|+x| c"},
		{"", "a\n", "+a"},
		{"a\n", "", "-a"},
		{"a\na\n", "a\n", " a|-a"},
		{"a\n", "a\na\n", " a|+a"},
	} {
		var got []string
		for _, l := range diffLines(tt.before, tt.after) {
			got = append(got, string(l.mark)+l.text)
		}
		if all := strings.Join(got, "|"); all != tt.want {
			t.Errorf("%q, %q: got %s, want %s", tt.before, tt.after, all, tt.want)
		}
	}
}
