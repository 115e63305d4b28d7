package device

import (
	"errors"
	"strings"
	"testing"
)

// FuzzQualify: what is called the device's full name is its own name, as it is
// or with a domain, whatever the hosts file and the resolver say.
func FuzzQualify(f *testing.F) {
	f.Fuzz(func(t *testing.T, name, hosts, resolved string) {
		ask := func(string) (string, error) {
			if resolved == "" {
				return "", errors.New("no such host")
			}
			return resolved, nil
		}
		got, bare := qualify(name, hosts, ask), strings.TrimSuffix(name, ".")
		if got != bare && !extends(got, bare) {
			t.Errorf("%q is called %q", name, got)
		}
		if got != bare && !strings.Contains(hosts, got) && !strings.Contains(resolved, got) {
			t.Errorf("nobody said %q", got)
		}
	})
}
