package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"regent/agent/authz"
)

// Found is a value and its origin.
type Found struct {
	Value  string // as YAML
	Origin Origin
}

// Provenance is the effective value of a key and its origin.
type Provenance struct {
	Key string
	Found
	Hidden []Found // the values of lower layers, the nearest first
}

// Keys returns every key that has a value, in the table's order. Keys of applications are
// sorted by id: "applications.cad.instances".
func (res Resolved) Keys() []string {
	var keys []string
	for _, d := range keysOf(res.ids...) {
		keys = append(keys, d.Key)
	}
	return keys
}

// Provenance returns the origin of the value of one of [Resolved.Keys], and false for any
// other key. For the tenant of an application without its own, it returns that of the
// default tenant.
func (res Resolved) Provenance(key string) (Provenance, bool) {
	for _, d := range keysOf(res.ids...) {
		if d.Key == key {
			return res.provenance(d), true
		}
	}
	return Provenance{}, false
}

func (res Resolved) provenance(d Definition) Provenance {
	set := res.entries[d.Key]
	if len(set) == 0 && d.Name() == "tenant" {
		set = res.entries["tenant"]
	}
	found := []Found{{Value: WriteYAML(d.Default)}}
	if len(set) > 0 {
		found = nil
	}
	for _, e := range slices.Backward(set) {
		found = append(found, Found{WriteYAML(e.value), e.origin})
	}
	return Provenance{d.Key, found[0], found[1:]}
}

// WriteYAML writes a value as YAML in one line. It omits the origins of rules.
func WriteYAML(v any) string {
	switch v := v.(type) {
	case nil:
		return "[]"
	case string:
		return quote(v)
	case time.Duration:
		return FormatDuration(v)
	case []authz.Rule:
		return texts(v, func(r authz.Rule) string { return fields(rules, &r) })
	case []authz.Executable:
		return texts(v, func(e authz.Executable) string { return fields(programs, &e) })
	case []string:
		return texts(v, quote)
	}
	return fmt.Sprint(v)
}

func texts[T any](items []T, write func(T) string) string {
	texts := make([]string, len(items))
	for i := range items {
		texts[i] = write(items[i])
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// fields writes the keys below prefix that are set in target.
func fields(prefix string, target any) string {
	var items []string
	for _, d := range table {
		if d.Key != prefix+d.Name() {
			continue
		}
		if text := WriteYAML(d.field(target).Interface()); text != WriteYAML(d.Default) {
			items = append(items, d.Name()+": "+text)
		}
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// quote returns s in quotes, unless s is one plain word in any place of a YAML document.
func quote(s string) string {
	words := []string{"", "true", "false", "null", "~", "yes", "no", "on", "off"}
	if !slices.Contains(words, strings.ToLower(s)) && strings.Trim(s, alphanumeric+"_-./:") == "" &&
		!strings.HasPrefix(s, "-") && !strings.HasSuffix(s, ":") {
		return s
	}
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Sprintf("%q", s)
	}
	return string(b)
}
