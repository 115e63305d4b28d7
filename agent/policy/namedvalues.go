package policy

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"regent/agent/suggest"
)

// Value is one setting of a store of named values, such as the registry.
type Value struct {
	Name  string // as [Definition.PolicyName]; case does not matter
	Place string // its place, for people: `HKLM\SOFTWARE\Policies\Regent\Tenant`

	// Data is a string, a bool, an int64, a []any or a map[string]any of those.
	// Anything else is reported as a value of the wrong kind.
	//
	// A list may come as a list or as a map. The names of the map are positions (numbers)
	// or ids of applications. An application is a map, or a text of JSON.
	Data any
}

// values reads a layer of named values. It turns them into nodes of YAML, so that the same
// checks apply as to files.
func (r *reader) values() {
	policies := map[string]*schema{}
	for _, d := range Table() {
		if d.IsPolicy() {
			policies[strings.ToLower(d.PolicyName())] = &schema{Definition: &d}
		}
	}
	for _, v := range r.layer.Values {
		r.place = v.Place
		s := policies[strings.ToLower(v.Name)]
		switch {
		case s == nil && r.layer.Mixed: // no setting
		case s == nil:
			r.reject(0, showKey(v.Name), "%s", unknownPolicy(v.Name, policies))
		case s.Type == Applications:
			r.merge(r.applicationList(v))
		case v.Data == nil:
			r.reject(0, s.Key, "has an unsupported type; regent.yaml(5) lists the types")
		default:
			if n := r.node(s.Key, v.Data, ""); n != nil {
				coerce(s.Type, n)
				r.enter(s, s.Key, n)
			}
		}
	}
	r.place = ""
}

func unknownPolicy(name string, policies map[string]*schema) string {
	if near := suggest.Nearest(name, slices.Sorted(maps.Keys(policies))); near != "" {
		return "is not a known policy; did you mean " + policies[near].PolicyName() + "?"
	}
	if namesSecret(name) {
		return tree.unknown(name)
	}
	return "is not a known policy; regent.yaml(5) lists them"
}

// coerce converts values of stores with fewer types than YAML: the registry has no truth
// values, and may have a number as text.
func coerce(t Type, n *yaml.Node) {
	switch {
	case n.Kind != yaml.ScalarNode:
	case t == Bool && (n.Value == "1" || n.Value == "true"):
		n.Tag, n.Value = "!!bool", "true"
	case t == Bool && (n.Value == "0" || n.Value == "false"):
		n.Tag, n.Value = "!!bool", "false"
	case t == Int && n.Tag == "!!str":
		n.Tag = "!!int"
	}
}

// node turns data into a node of YAML through JSON, which is YAML too. If that fails, it
// reports the reason and returns nil.
func (r *reader) node(key string, data any, hint string) *yaml.Node {
	text, isJSON := data.(json.RawMessage)
	if !isJSON {
		text, _ = json.Marshal(data) // an unsupported type gives an empty text, which is rejected
	}
	n, flaws := document(text)
	for _, f := range flaws {
		r.reject(0, key, "%s%s", f.text, hint)
	}
	return n
}

// applicationList returns the applications in a value.
func (r *reader) applicationList(v Value) []item {
	var items []item
	switch data := v.Data.(type) {
	case []any:
		for i, one := range data {
			items = r.listItem(items, v.Place, strconv.Itoa(i), one)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(data)) {
			items = r.listItem(items, v.Place+`\`+name, name, data[name])
		}
	default:
		r.reject(0, "applications", "is not a list; write one entry for each application")
	}
	return items
}

// listItem adds the application that is entered under a name.
func (r *reader) listItem(items []item, place, name string, data any) []item {
	r.place = place
	path := "applications[" + name + "]"
	if !decimal(name) {
		path = "applications." + showKey(name)
	}
	if text, ok := data.(string); ok {
		data = json.RawMessage(text)
	}
	flaws := r.flaws
	n := r.node(path, data, " (the value is an application's keys as JSON)")
	switch id := member(n, "id"); {
	case r.flaws > flaws:
		return items
	case n == nil || n.Kind != yaml.MappingNode:
		r.reject(0, path, `is not an application; write its keys as JSON, such as {"instances": 2, "allow": [{"groups": ["engineering"]}]}`)
		return items
	case decimal(name): // a position
	case id == nil:
		n.Content = append([]*yaml.Node{textNode("id"), textNode(name)}, n.Content...)
	case id.Value != name:
		r.reject(0, path, "has another id than its name; make them the same, or remove the id")
		return items
	}
	return append(items, item{n, path, place})
}

// member returns the value of a key of a mapping; nil if n is none, or has no such key.
func member(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for k, v := range members(n) {
		if k.Value == key {
			return v
		}
	}
	return nil
}

func textNode(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

func decimal(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
