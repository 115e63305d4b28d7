package policy

import (
	"net/url"
	"strings"
	"testing"

	"regent/agent/address"
	"regent/agent/token"
)

// FuzzAddress: a tenant and a proxy have one form each, which net/url reads in
// the same way, and no password gets into either.
func FuzzAddress(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		for what, check := range map[string]func(string) (string, error){"tenant": checkTenant, "proxy": checkProxy} {
			got, err := check(s)
			if err != nil || got == "" || got == SystemProxy || got == NoProxy {
				continue
			}
			if again, err := check(got); err != nil || again != got {
				t.Errorf("%s %q: read again it is %q, %v", what, got, again, err)
			}
			u, err := url.Parse(got)
			if err != nil || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Host != token.TenantHost(got) {
				t.Errorf("%s %q: net/url reads %+v, %v", what, got, u, err)
				continue
			}
			if got != strings.ToLower(got) || u.Scheme == "http" && what == "tenant" && !address.IsLoopback(u.Hostname()) {
				t.Errorf("%s %q got through", what, got)
			}
		}
	})
}
