package authz_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"regent/agent/authz"
)

// fakeEvidence is an Evidence with fixed answers, which counts how often it is asked.
type fakeEvidence struct {
	path, why string
	sum, unit string
	slices    []string
	users     map[string]string // ids by name
	groups    map[string]string
	signer    authz.Signer
	err       error
	asked     int
}

func (p *fakeEvidence) IsExecutable(path string) (bool, string) {
	p.asked++
	return p.err == nil && path == p.path, p.why
}

func (p *fakeEvidence) SHA256() (string, error) { p.asked++; return p.sum, p.err }

func (p *fakeEvidence) Units() ([]string, error) {
	p.asked++
	return append([]string{p.unit}, p.slices...), p.err
}

func (p *fakeEvidence) UserNamed(name string) (string, error) { p.asked++; return p.users[name], p.err }

func (p *fakeEvidence) GroupNamed(name string) (string, error) {
	p.asked++
	return p.groups[name], p.err
}

func (p *fakeEvidence) Signer() (authz.Signer, error) { p.asked++; return p.signer, p.err }

var _ authz.Evidence = (*fakeEvidence)(nil)

func alice() authz.Caller {
	return authz.Caller{
		UID: "1000", User: "alice", GIDs: []string{"1000", "2000"}, Groups: []string{"alice", "engineering"},
		Evidence: &fakeEvidence{path: "/opt/cad/bin/cad", sum: "ab12", unit: "cad-render.service", signer: example(), why: "another file"},
	}
}

func with(change func(*authz.Caller)) authz.Caller {
	c := alice()
	change(&c)
	return c
}

func programs(path, sum string) []authz.Executable {
	return []authz.Executable{{Path: path, SHA256: sum}}
}

func TestDecide(t *testing.T) {
	cad := programs("/opt/cad/bin/cad", "")
	for _, tt := range []struct {
		name   string
		caller authz.Caller
		rules  []authz.Rule
		want   bool
		reason string // a part of it
	}{
		{"no rule", alice(), nil, false, "the application has no allow rule"},
		{"empty rule", alice(), []authz.Rule{{Origin: "config.yaml:3"}}, false, "allow[0] (config.yaml:3): it has no condition"},
		{"everyone", alice(), []authz.Rule{{Everyone: true}}, true, "everyone"},
		{"everyone does not undo another condition", alice(), []authz.Rule{{Everyone: true, Users: []string{"bob"}}}, false, "alice (1000) is not among its users"},
		{"user by name", alice(), []authz.Rule{{Users: []string{"bob", "alice"}}}, true, "users"},
		{"user by id", alice(), []authz.Rule{{Users: []string{"1000"}}}, true, "users"},
		{"another user", alice(), []authz.Rule{{Users: []string{"alic", "alice2"}}}, false, "not among its users"},
		{"the name of another one", with(func(c *authz.Caller) {
			c.Evidence = &fakeEvidence{users: map[string]string{"1000": "8675"}}
		}), []authz.Rule{{Users: []string{"1000"}}}, false, "1000 is its id, and also the name of the user with uid:8675; write uid:1000 or user:1000"},
		{"its own name of digits", with(func(c *authz.Caller) {
			c.User, c.Evidence = "1000", &fakeEvidence{users: map[string]string{"1000": "1000"}}
		}), []authz.Rule{{Users: []string{"1000"}}}, true, "users"},
		{"a name of digits, not said so", with(func(c *authz.Caller) { c.User = "30961" }), []authz.Rule{{Users: []string{"30961"}}}, false, "30961 is its name, and a number alone means an id; write user:30961"},
		{"a name of digits, said so", with(func(c *authz.Caller) { c.User = "30961" }), []authz.Rule{{Users: []string{"user:30961"}}}, true, "users"},
		{"an id, said so", with(func(c *authz.Caller) {
			c.Evidence = &fakeEvidence{users: map[string]string{"1000": "8675"}}
		}), []authz.Rule{{Users: []string{"uid:1000"}}}, true, "users"},
		{"a name where an id is said", with(func(c *authz.Caller) { c.User = "30961" }), []authz.Rule{{Users: []string{"uid:30961"}}}, false, "not among its users"},
		{"a name that nobody can look up", with(func(c *authz.Caller) { c.Evidence = &fakeEvidence{err: errors.New("EIO")} }), []authz.Rule{{Users: []string{"1000"}}}, false, "Regent cannot find out whether 1000 is also a name (EIO); write uid:1000"},
		{"nothing proves that it is no name", with(func(c *authz.Caller) { c.Evidence = nil }), []authz.Rule{{Users: []string{"1000"}}}, false, "write uid:1000"},
		{"a word for groups is none for users", alice(), []authz.Rule{{Users: []string{"gid:1000", "group:alice", "user:", "uid:"}}}, false, "not among its users"},
		{"a group's number that is another's name", with(func(c *authz.Caller) {
			c.Evidence = &fakeEvidence{groups: map[string]string{"2000": "7"}}
		}), []authz.Rule{{Groups: []string{"2000"}}}, false, "2000 is its id, and also the name of the group with gid:7; write gid:2000 or group:2000"},
		{"a group's id and name, said so", alice(), []authz.Rule{{Groups: []string{"gid:2000"}}, {Groups: []string{"group:engineering"}}}, true, "groups"},
		{"a slice", with(func(c *authz.Caller) {
			c.Evidence = &fakeEvidence{unit: "cad@1.service", slices: []string{"system-cad.slice", "system.slice"}}
		}), []authz.Rule{{Units: []string{"system-cad.slice"}}}, true, "units"},
		{"another slice", with(func(c *authz.Caller) {
			c.Evidence = &fakeEvidence{unit: "cad@1.service", slices: []string{"system-cad.slice", "system.slice"}}
		}), []authz.Rule{{Units: []string{"user.slice"}}}, false, "unit cad@1.service in system-cad.slice in system.slice is not among its units"},
		{"digits mean an id, not a name", with(func(c *authz.Caller) { c.User = "0" }), []authz.Rule{{Users: []string{"0"}}}, false, "not among its users"},
		{"a name is no id", with(func(c *authz.Caller) { c.UID, c.User = "", "" }), []authz.Rule{{Users: []string{"", "alice"}}}, false, "not among its users"},
		{"supplementary group by name", alice(), []authz.Rule{{Groups: []string{"engineering"}}}, true, "groups"},
		{"group by id", alice(), []authz.Rule{{Groups: []string{"2000"}}}, true, "groups"},
		{"a gid is no uid", alice(), []authz.Rule{{Users: []string{"2000"}}}, false, "not among its users"},
		{"a group's name of digits is no gid", with(func(c *authz.Caller) { c.Groups = []string{"0"} }), []authz.Rule{{Groups: []string{"0", ""}}}, false, "in none of its groups"},
		{"user and group", alice(), []authz.Rule{{Users: []string{"alice"}, Groups: []string{"engineering"}}}, true, "users, groups"},
		{"user but not group", alice(), []authz.Rule{{Users: []string{"alice"}, Groups: []string{"wheel"}}}, false, "in none of its groups"},
		{"conditions of two rules do not add up", alice(), []authz.Rule{
			{Users: []string{"alice"}, Groups: []string{"wheel"}},
			{Users: []string{"bob"}, Groups: []string{"engineering"}},
		}, false, "allow[0]: user alice (1000) is in none of its groups; allow[1]: user alice (1000) is not among"},
		{"second rule", alice(), []authz.Rule{{Users: []string{"bob"}}, {Groups: []string{"engineering"}}}, true, "groups"},
		{"executable", alice(), []authz.Rule{{Executables: cad}}, true, "executables"},
		{"any executable", alice(), []authz.Rule{{Executables: append(programs("/bin/x", ""), cad...)}}, true, "executables"},
		{"another executable", alice(), []authz.Rule{{Executables: programs("/bin/x", "")}}, false, "it does not run /bin/x: another file"},
		{"digest", alice(), []authz.Rule{{Executables: programs("/opt/cad/bin/cad", "AB12")}}, true, "executables"},
		{"another digest", alice(), []authz.Rule{{Executables: programs("/opt/cad/bin/cad", "ab13")}}, false, "SHA-256 ab12"},
		{"unit", alice(), []authz.Rule{{Units: []string{"cad-render.service"}}}, true, "units"},
		{"another unit", alice(), []authz.Rule{{Units: []string{"cad.service"}}}, false, "unit cad-render.service is not among"},
		{"no evidence of executable", with(func(c *authz.Caller) { c.Evidence = nil }), []authz.Rule{{Executables: cad}}, false, "the executable of the process is not known"},
		{"no evidence of unit", with(func(c *authz.Caller) { c.Evidence = nil }), []authz.Rule{{Units: []string{"a.service"}}}, false, "the unit of the process is not known"},
		{"evidence fails for unit", with(func(c *authz.Caller) { c.Evidence = &fakeEvidence{err: errors.New("EIO"), unit: "a.service"} }), []authz.Rule{{Units: []string{"a.service"}}}, false, "cannot be read: EIO"},
		{"signer", alice(), []authz.Rule{{Signers: []string{"O=Other", "C=DE, O=Example GmbH"}}}, true, "it holds: signers; signed by CN=Example GmbH, O=Example GmbH, C=DE (sha256:" + sum64 + ")"},
		{"another signer", alice(), []authz.Rule{{Signers: []string{"O=Other"}}}, false, "it is signed by CN=Example GmbH, O=Example GmbH, C=DE (sha256:" + sum64 + "), which is not among its signers"},
		{"signer, and another executable", alice(), []authz.Rule{{Signers: []string{"O=Example GmbH"}, Executables: programs("/bin/x", "")}}, false, "it does not run /bin/x"},
		{"executable, and another signer", alice(), []authz.Rule{{Signers: []string{"O=Other"}, Executables: cad}}, false, "which is not among its signers"},
		{"executable and signer", alice(), []authz.Rule{{Signers: []string{"O=Example GmbH"}, Executables: cad}}, true, "it holds: executables, signers; signed by"},
		{"no evidence of signer", with(func(c *authz.Caller) { c.Evidence = nil }), []authz.Rule{{Signers: []string{"O=Example GmbH"}}}, false, "the signer of the program is not known"},
		{"evidence fails for signer", with(func(c *authz.Caller) {
			c.Evidence = &fakeEvidence{err: errors.New("not supported on this system"), signer: example()}
		}), []authz.Rule{{Signers: []string{"O=Example GmbH"}}}, false, "its signer cannot be read: not supported on this system"},
		{"an administrator is admitted to nothing", with(func(c *authz.Caller) { c.Admin, c.UID, c.User = true, "0", "root" }), []authz.Rule{{Users: []string{"alice"}}}, false, "root (0) is not among"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := authz.Decide(tt.caller, tt.rules)
			if got.Allow != tt.want {
				t.Errorf("Allow = %v, want %v (%s)", got.Allow, tt.want, got.Reason)
			}
			if !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("Reason = %q, want it to contain %q", got.Reason, tt.reason)
			}
			if got.Allow == (got.Rule == "") {
				t.Errorf("Rule = %q with Allow %v: a rule is named if and only if it admits", got.Rule, got.Allow)
			}
		})
	}
}

// A unit that asks as a whole is admitted by what names it, and by nothing else.
func TestDecideUnit(t *testing.T) {
	unit := authz.Caller{UID: "0", User: "root", Unit: "cad.service", Slices: []string{"cad.slice"}, Admin: true}
	for _, tt := range []struct {
		name   string
		rules  []authz.Rule
		want   string // the rule; "" is a refusal
		reason string // a part of it
	}{
		{"named", []authz.Rule{{Users: []string{"root"}}, {Units: []string{"a.service", "cad.service"}}}, "allow[1]", "it holds: units"},
		{"its slice", []authz.Rule{{Units: []string{"cad.slice"}}}, "allow[0]", "it holds: units"},
		{"everyone is no unit", []authz.Rule{{Everyone: true}}, "", "no allow rule names the unit"},
		{"another unit", []authz.Rule{{Units: []string{"a.service"}}}, "", "no allow rule names the unit"},
		{"the user of who connects is not the unit's", []authz.Rule{{Units: []string{"cad.service"}, Users: []string{"root"}}}, "", "only the unit is known"},
		{"an executable", []authz.Rule{{Units: []string{"cad.service"}, Executables: programs("/x", "")}}, "", "only the unit is known"},
		{"a signer", []authz.Rule{{Units: []string{"cad.service"}, Signers: []string{"O=Example GmbH"}}}, "", "only the unit is known"},
		{"a second rule that names it alone", []authz.Rule{
			{Units: []string{"cad.service"}, Groups: []string{"x"}}, {Units: []string{"cad.service"}, Everyone: true},
		}, "allow[1]", "it holds"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := authz.Decide(unit, tt.rules)
			if got.Allow != (tt.want != "") || got.Rule != tt.want || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("Decide = %+v, want %q because of %q", got, tt.want, tt.reason)
			}
		})
	}
}

// failingDigest proves the path and then fails.
type failingDigest struct{ fakeEvidence }

func (failingDigest) SHA256() (string, error) { return "ab12", errors.New("too large") }

func TestDecideFailingDigest(t *testing.T) {
	c := with(func(c *authz.Caller) { c.Evidence = &failingDigest{fakeEvidence{path: "/bin/x"}} })
	got := authz.Decide(c, []authz.Rule{{Executables: programs("/bin/x", "ab12")}})
	if got.Allow || !strings.Contains(got.Reason, "too large") {
		t.Errorf("Decide = %+v, want a refusal that says why", got)
	}
}

func TestDecideNamesTheRule(t *testing.T) {
	got := authz.Decide(alice(), []authz.Rule{{Users: []string{"bob"}}, {Users: []string{"alice"}, Origin: "/etc/regent/config.yaml:12"}})
	want := authz.Decision{Allow: true, Rule: "allow[1] (/etc/regent/config.yaml:12)", Reason: "it holds: users"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("Decide (-got +want):\n%s", diff)
	}
}

func TestDeniedWithoutEvidence(t *testing.T) {
	e := &fakeEvidence{path: "/bin/x", unit: "a.service"}
	c := with(func(c *authz.Caller) { c.Evidence = e })
	authz.Decide(c, []authz.Rule{{Users: []string{"bob"}, Units: []string{"a.service"}, Executables: programs("/bin/x", ""), Signers: []string{"O=Example GmbH"}}})
	if e.asked != 0 {
		t.Errorf("evidence was asked %d times for a user whom the rule does not name", e.asked)
	}
}

func TestReasonIsBounded(t *testing.T) {
	long := programs("/"+strings.Repeat("é", 5000), "")
	rules := slices.Repeat([]authz.Rule{{Executables: long}}, 1000)
	got := authz.Decide(alice(), rules)
	if len(got.Reason) > 3000 || !strings.HasSuffix(got.Reason, "; and 992 more") {
		t.Errorf("reason of %d bytes ends in %q", len(got.Reason), got.Reason[max(0, len(got.Reason)-40):])
	}
}

// Draws are from few words, so that rules and callers often meet.

func drawCaller(t *rapid.T) authz.Caller {
	word := rapid.SampledFrom([]string{"a", "b", "1", "2"})
	words := rapid.SliceOfN(word, 0, 2)
	c := authz.Caller{
		UID: word.Draw(t, "uid"), User: word.Draw(t, "user"),
		GIDs: words.Draw(t, "gids"), Groups: words.Draw(t, "groups"), Admin: rapid.Bool().Draw(t, "admin"),
	}
	if rapid.Bool().Draw(t, "has evidence") {
		c.Evidence = &fakeEvidence{path: word.Draw(t, "path"), sum: word.Draw(t, "sum"), unit: word.Draw(t, "unit"), signer: authz.Signer{Certificate: word.Draw(t, "certificate")}}
	}
	return c
}

func drawRule(t *rapid.T) authz.Rule {
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "1", "2"}), 0, 2)
	r := authz.Rule{
		Users: words.Draw(t, "users"), Groups: words.Draw(t, "groups"), Units: words.Draw(t, "units"),
		Everyone: rapid.Bool().Draw(t, "everyone"),
	}
	for _, p := range words.Draw(t, "paths") {
		r.Executables = append(r.Executables, authz.Executable{Path: p, SHA256: rapid.SampledFrom([]string{"", "a"}).Draw(t, "sha256")})
	}
	for _, c := range words.Draw(t, "certificates") {
		r.Signers = append(r.Signers, "sha256:"+c)
	}
	return r
}

func empty(r authz.Rule) bool {
	return !r.Everyone && len(r.Users)+len(r.Groups)+len(r.Units)+len(r.Executables)+len(r.Signers) == 0
}

// tighten adds the condition of kind k, taken from more, where r has none.
func tighten(r, more authz.Rule, k int) authz.Rule {
	switch {
	case k == 0 && len(r.Users) == 0:
		r.Users = more.Users
	case k == 1 && len(r.Groups) == 0:
		r.Groups = more.Groups
	case k == 2 && len(r.Units) == 0:
		r.Units = more.Units
	case k == 3 && len(r.Executables) == 0:
		r.Executables = more.Executables
	case k == 4 && len(r.Signers) == 0:
		r.Signers = more.Signers
	case k == 5:
		r.Everyone = r.Everyone || more.Everyone
	}
	return r
}

func TestMoreConditionsNeverAllowMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, r := drawCaller(t), drawRule(t)
		if empty(r) {
			t.Skip("a rule without a condition admits nobody; its first condition may admit")
		}
		tight := tighten(r, drawRule(t), rapid.IntRange(0, 5).Draw(t, "kind"))
		before, after := authz.Decide(c, []authz.Rule{r}), authz.Decide(c, []authz.Rule{tight})
		if after.Allow && !before.Allow {
			t.Fatalf("%+v was refused (%s), and admitted with one condition more: %+v", r, before.Reason, tight)
		}
	})
}

func TestRuleOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCaller(t)
		rules := rapid.SliceOfN(rapid.Custom(drawRule), 0, 5).Draw(t, "rules")
		want := slices.ContainsFunc(rules, func(r authz.Rule) bool { return authz.Decide(c, []authz.Rule{r}).Allow })
		shuffled := rapid.Permutation(rules).Draw(t, "order")
		if got := authz.Decide(c, shuffled); got.Allow != want {
			t.Fatalf("Allow = %v, want %v: it must be that of any one rule, in every order (%s)", got.Allow, want, got.Reason)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	c, rules := alice(), []authz.Rule{{Users: []string{"alice"}, Origin: "/etc/regent/config.yaml:12"}}
	b.ReportAllocs()
	for b.Loop() {
		authz.Decide(c, rules)
	}
}
