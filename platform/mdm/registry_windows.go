package mdm

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"golang.org/x/sys/windows/registry"
)

// maxValues bounds what is read of a key: far more than there are settings.
const maxValues = 2000

// Registry names a key below HKEY_LOCAL_MACHINE, in the 64-bit view: only
// administrators write there. What belongs to a user is never looked at, since
// no user's hive may steer a service.
type Registry struct{ Path string }

// String returns the key's full name.
func (r Registry) String() string { return `HKLM\` + r.Path }

// Read returns the key's values, sorted by name. A subkey is a value that is a
// map: that is how Group Policy writes lists. No key is no values.
func (r Registry) Read() ([]Value, error) {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, r.Path, registry.READ|registry.WOW64_64KEY)
	if errors.Is(err, registry.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer k.Close() //nolint:errcheck // opened for reading only
	all, err := list(k)
	if err != nil {
		return nil, fmt.Errorf("list the values: %w", err)
	}
	subkeys, err := k.ReadSubKeyNames(maxValues) // io.EOF: those were all
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("list the subkeys: %w", err)
	}
	for _, name := range subkeys {
		if all[name], err = listSubkey(k, name); err != nil {
			return nil, fmt.Errorf("read the subkey %s: %w", name, err)
		}
	}
	var values []Value
	for _, name := range slices.Sorted(maps.Keys(all)) {
		values = append(values, Value{Name: name, Source: r.String() + `\` + name, Data: all[name]})
	}
	return values, nil
}

func listSubkey(k registry.Key, name string) (map[string]any, error) {
	sub, err := registry.OpenKey(k, name, registry.READ|registry.WOW64_64KEY)
	if err != nil {
		return nil, err
	}
	defer sub.Close() //nolint:errcheck // opened for reading only
	return list(sub)
}

// list returns the values of a key.
func list(k registry.Key) (map[string]any, error) {
	names, err := k.ReadValueNames(maxValues)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	m := map[string]any{}
	for _, name := range names {
		m[name] = value(k, name)
	}
	return m, nil
}

// value returns a value's data, nil if it is of a kind that no setting has.
// REG_EXPAND_SZ is not expanded: the environment is not part of policy.
func value(k registry.Key, name string) any {
	_, kind, err := k.GetValue(name, nil)
	if err != nil {
		return nil
	}
	switch kind {
	case registry.SZ:
		if s, _, err := k.GetStringValue(name); err == nil {
			return s
		}
	case registry.DWORD, registry.QWORD:
		if n, _, err := k.GetIntegerValue(name); err == nil && int64(n) >= 0 { //nolint:gosec // checked right here
			return int64(n) //nolint:gosec // checked above
		}
	case registry.MULTI_SZ:
		texts, _, err := k.GetStringsValue(name)
		if err != nil {
			return nil
		}
		all := make([]any, len(texts))
		for i, s := range texts {
			all[i] = s
		}
		return all
	}
	return nil
}
