package policy

import "errors"

// NormalizeTenant returns the base URL of a tenant in the normal form of
// [Settings.Tenant], from what a person wrote: a bare host, a URL, a trailing
// slash.
func NormalizeTenant(s string) (string, error) {
	if s == "" {
		return "", errors.New("is empty" + writeTenant)
	}
	return checkTenant(s)
}
