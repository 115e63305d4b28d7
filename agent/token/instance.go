package token

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// MaxInstances bounds the instances of one application: each costs a count,
// and a slip of the finger must not ask for a million.
const MaxInstances = 10_000

// Instance names one instance of an application at one tenant. It is public: safe in
// logs and on the wire.
type Instance struct {
	Tenant      string // the tenant's host, with its port if it has one: "demo-host.com"
	Application string // "cad"
	Number      int    // 1 and up
}

// TenantHost returns the host of a tenant's base URL, with its port if it has one. It is
// the tenant's name in [Instance]. The URL is in the normal form of the settings.
func TenantHost(baseURL string) string {
	_, host, _ := strings.Cut(baseURL, "://")
	return host
}

// String returns the name that people use: "cad/1".
func (id Instance) String() string { return id.Application + "/" + strconv.Itoa(id.Number) }

// Key returns the name under which everything of the instance is kept:
// "demo-host.com/cad/1". Two tenants never share one.
func (id Instance) Key() string { return id.Tenant + "/" + id.String() }

// Compare orders instances by tenant, application and number.
func (id Instance) Compare(other Instance) int {
	return cmp.Or(strings.Compare(id.Tenant, other.Tenant), strings.Compare(id.Application, other.Application), cmp.Compare(id.Number, other.Number))
}

// ParseInstanceKey is the inverse of [Instance.Key].
func ParseInstanceKey(key string) (Instance, error) {
	tenant, name, ok := strings.Cut(key, "/")
	if !ok || tenant == "" {
		return Instance{}, fmt.Errorf("instance key %q is not tenant/application/instance", key)
	}
	app, number, err := ParseInstanceName(name)
	return Instance{tenant, app, number}, err
}

// ParseInstanceName splits "cad/1".
func ParseInstanceName(s string) (application string, number int, err error) {
	app, num, ok := strings.Cut(s, "/")
	if !ok {
		return "", 0, fmt.Errorf("instance %q is not application/number, such as cad/1", s)
	}
	if err := CheckApplication(app); err != nil {
		return "", 0, err
	}
	n, err := ParseInstanceNumber(num)
	return app, n, err
}

// ParseInstanceNumber reads the number of an instance: decimal, 1 to [MaxInstances],
// no sign, no leading zero.
func ParseInstanceNumber(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > MaxInstances || strconv.Itoa(n) != s {
		return 0, fmt.Errorf("instance %.20q is not a number from 1 to %d", s, MaxInstances)
	}
	return n, nil
}

// CheckApplication checks an application's id: [a-z0-9][a-z0-9-]*, at most 64 bytes.
func CheckApplication(s string) error {
	if s == "" || len(s) > 64 {
		return fmt.Errorf("application id has %d bytes, want 1 to 64", len(s))
	}
	if s[0] == '-' || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("application id %q: only a-z, 0-9 and (not first) - are allowed", s)
	}
	return nil
}
