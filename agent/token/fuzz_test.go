package token

import "testing"

// FuzzParseKey: what is accepted as the name of an instance has this one form,
// so that no second spelling is a second
func FuzzParseKey(f *testing.F) {
	f.Fuzz(func(t *testing.T, key string) {
		id, err := ParseInstanceKey(key)
		if err != nil {
			return
		}
		if id.Key() != key {
			t.Errorf("%q was read as %q", key, id.Key())
		}
		if id.Tenant == "" || CheckApplication(id.Application) != nil || id.Number < 1 || id.Number > MaxInstances {
			t.Errorf("accepted %+v", id)
		}
		if app, n, err := ParseInstanceName(id.String()); err != nil || app != id.Application || n != id.Number {
			t.Errorf("%q was read as %q and %d, %v", id.String(), app, n, err)
		}
	})
}
