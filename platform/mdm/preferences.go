package mdm

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"howett.net/plist"

	"regent/platform/files"
)

// maxPreferences bounds the file in bytes.
const maxPreferences = 1 << 20

// ReadPreferences returns the values of a preference domain from the property
// list that it is kept in, in whichever format. trusted says what is wrong with
// the file's owner and mode; the file that was looked at is the one that is
// read. No file is no values.
func ReadPreferences(path string, trusted func(fs.FileInfo) error) ([]Value, error) {
	data, err := files.ReadRegular(path, maxPreferences, func(path string) (fs.FileInfo, error) {
		info, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		return info, trusted(info)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parsePreferences(path, data)
}

// parsePreferences decodes a property list into values, sorted by name.
func parsePreferences(path string, data []byte) ([]Value, error) {
	var settings map[string]any
	if _, err := plist.Unmarshal(data, &settings); err != nil {
		return nil, errors.New("is not a property list of settings") // the decoder's error may quote a value
	}
	if len(settings) > maxValues {
		return nil, fmt.Errorf("has more than %d values", maxValues)
	}
	values := make([]Value, 0, len(settings))
	for name, v := range settings {
		values = append(values, Value{Name: name, Source: path + ": " + name, Data: normalizeValue(v)})
	}
	slices.SortFunc(values, func(a, b Value) int { return cmp.Compare(a.Name, b.Name) })
	return values, nil
}

// normalizeValue turns what the decoder makes into the kinds of [Value.Data].
func normalizeValue(v any) any {
	switch v := v.(type) {
	case string, bool, int64:
		return v
	case uint64:
		if n := int64(v); n >= 0 { //nolint:gosec // checked right here
			return n
		}
	case []any:
		list := make([]any, len(v))
		for i, one := range v {
			list[i] = normalizeValue(one)
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for name, one := range v {
			m[name] = normalizeValue(one)
		}
		return m
	}
	return nil // a date, data, a real number: no setting is one
}
