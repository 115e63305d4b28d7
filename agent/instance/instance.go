// Package instance has the keys of instances and the states of their auth tokens.
//
// It does no I/O and knows nothing of leases, which are a table of their own.
package instance

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// MaxInstances bounds the instances of one application: each costs a count,
// and a slip of the finger must not ask for a million.
const MaxInstances = 10_000

// ID names one instance of an application at one tenant. It is public: safe in
// logs and on the wire.
type ID struct {
	Tenant      string // the tenant's host, with its port if it has one: "demo-host.com"
	Application string // "cad"
	Number      int    // 1 and up
}

// String returns the name that people use: "cad/1".
func (id ID) String() string { return id.Application + "/" + strconv.Itoa(id.Number) }

// Key returns the name under which everything of the instance is kept:
// "demo-host.com/cad/1". Two tenants never share one.
func (id ID) Key() string { return id.Tenant + "/" + id.String() }

// Compare orders instances by tenant, application and number.
func (id ID) Compare(other ID) int {
	return cmp.Or(strings.Compare(id.Tenant, other.Tenant), strings.Compare(id.Application, other.Application), cmp.Compare(id.Number, other.Number))
}

// ParseKey is the inverse of [ID.Key].
func ParseKey(key string) (ID, error) {
	tenant, name, ok := strings.Cut(key, "/")
	if !ok || tenant == "" {
		return ID{}, fmt.Errorf("instance key %q is not tenant/application/instance", key)
	}
	app, number, err := ParseName(name)
	return ID{tenant, app, number}, err
}

// ParseName splits "cad/1".
func ParseName(s string) (application string, number int, err error) {
	app, num, ok := strings.Cut(s, "/")
	if !ok {
		return "", 0, fmt.Errorf("instance %q is not application/number, such as cad/1", s)
	}
	if err := CheckApplication(app); err != nil {
		return "", 0, err
	}
	n, err := ParseNumber(num)
	return app, n, err
}

// ParseNumber reads the number of an instance: decimal, 1 to [MaxInstances],
// no sign, no leading zero.
func ParseNumber(s string) (int, error) {
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
