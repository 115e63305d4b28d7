package policy_test

import (
	"strings"
	"testing"

	"regent/agent/policy"
	"regent/agent/token"
)

// FuzzResolve gives arbitrary bytes to the decoder. Whatever comes out without
// a fatal problem must be safe to run with.
func FuzzResolve(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		res, problems := policy.Resolve(local(string(data)))
		for _, p := range problems {
			if p.Text == "" || p.Origin.Name != "config.yaml" || strings.ContainsAny(p.Error(), "\n\r\x00") {
				t.Errorf("problem %q: want one line that names the file", p.Error())
			}
		}
		if policy.Fatal(problems) != nil {
			return
		}
		for _, a := range res.Settings.Applications {
			if token.CheckApplication(a.ID) != nil || a.Instances < 1 || a.Instances > token.MaxInstances || a.Tenant == "" {
				t.Errorf("application %+v got through", a)
			}
			for _, r := range a.Allow {
				if conditions := len(r.Users) + len(r.Groups) + len(r.Executables) + len(r.Units) + len(r.Signers); r.Everyone == (conditions > 0) {
					t.Errorf("rule %+v got through", r)
				}
			}
		}
		if c := policy.Diff(res.Settings, res.Settings); len(c.Reload)+len(c.Restart) > 0 {
			t.Errorf("settings differ from themselves: %+v", c)
		}
		for _, key := range res.Keys() {
			if _, ok := res.Provenance(key); !ok {
				t.Errorf("%s has no provenance", key)
			}
		}
	})
}
