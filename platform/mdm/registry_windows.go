package mdm

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"golang.org/x/sys/windows/registry"
)

// maxValues limits the values read from a key. It is far more than the number of settings.
const maxValues = 2000

// Registry is a key below HKEY_LOCAL_MACHINE, in the 64-bit view, where only administrators
// can write. Users' hives are never read: a user must not control a service.
type Registry struct{ Path string }

// String returns the key's full name.
func (r Registry) String() string { return `HKLM\` + r.Path }

// Read returns the key's values, sorted by name. A subkey becomes a value with a map, since
// Group Policy writes lists as subkeys. A missing key has no values.
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
	subkeys, err := k.ReadSubKeyNames(maxValues) // io.EOF: no more subkeys
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

// value returns the data of a value, or nil if no setting has this kind. It does not expand
// REG_EXPAND_SZ: the environment is not part of policy.
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
