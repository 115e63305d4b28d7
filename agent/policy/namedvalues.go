package policy

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Value is one setting of a store that holds named values, such as the registry
// or a preference domain.
type Value struct {
	Name  string // as [Definition.PolicyName]; case does not matter
	Place string // where it is, for people: `HKLM\SOFTWARE\Policies\Regent\Tenant`

	// Data is a string, a bool, an int64, a []any or a map[string]any of those.
	// Anything else is reported as a value of the wrong kind.
	//
	// A list may come as a list, or as a map: the names are then positions, if
	// they are numbers, or the ids of applications. An application is a map, or a
	// text of JSON.
	Data any
}

// values reads a layer of named values. They become nodes of YAML, so that all
// that is true of files is true of them.
func (r *reader) values() {
	policies := map[string]*Definition{}
	for _, d := range Table() {
		if d.IsAgentKey() || d.Type == Applications {
			policies[strings.ToLower(d.PolicyName())] = &d
		}
	}
	for _, v := range r.layer.Values {
		r.place = v.Place
		d := policies[strings.ToLower(v.Name)]
		switch {
		case d == nil:
			r.reject(0, showKey(v.Name), "%s", r.unknownPolicy(v.Name, policies))
		case d.Type == Applications:
			r.merge(r.applicationList(v))
		default:
			n, ok := node(v.Data, 0)
			if !ok {
				r.reject(0, d.Key, "is of a kind that no setting has")
				continue
			}
			if got, ok := r.value(d, d.Key, coerce(d, n)); ok {
				r.entries = append(r.entries, entry{d.Key, got, r.origin(0)})
			}
		}
	}
	r.place = ""
}

func (r *reader) unknownPolicy(name string, policies map[string]*Definition) string {
	names := slices.Sorted(maps.Keys(policies))
	if near := Nearest(name, names); near != "" {
		return "is not a known policy; did you mean " + policies[near].PolicyName() + "?"
	}
	if namesSecret(name) {
		return r.schema.unknown(name, r.schema)
	}
	return "is not a known policy; regent.yaml(5) lists them"
}

// coerce helps stores that have fewer kinds than YAML: the registry has no
// truth values, and may hold a number as text.
func coerce(d *Definition, n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.ScalarNode {
		return n
	}
	switch {
	case d.Type == Bool && (n.Value == "1" || n.Value == "true"):
		return scalarNode("!!bool", "true")
	case d.Type == Bool && (n.Value == "0" || n.Value == "false"):
		return scalarNode("!!bool", "false")
	case d.Type == Int && n.Tag == "!!str":
		return scalarNode("!!int", n.Value)
	}
	return n
}

// applicationList returns the applications in a value.
func (r *reader) applicationList(v Value) []item {
	switch data := v.Data.(type) {
	case []any:
		items := make([]item, 0, len(data))
		for i, one := range data {
			items = r.listItem(items, v.Place, strconv.Itoa(i), one)
		}
		return items
	case map[string]any:
		items := make([]item, 0, len(data))
		for _, name := range slices.Sorted(maps.Keys(data)) {
			items = r.listItem(items, v.Place+`\`+name, name, data[name])
		}
		return items
	}
	r.reject(0, "applications", "is not a list; write one entry for each application")
	return nil
}

// listItem adds the application that is entered under a name.
func (r *reader) listItem(items []item, place, name string, data any) []item {
	r.place = place
	path := "applications[" + name + "]"
	if !decimal(name) {
		path = "applications." + showKey(name)
	}
	n, ok := node(data, 0)
	if text, isText := data.(string); isText {
		var flaws []flaw
		n, flaws = parse([]byte(text))
		for _, f := range flaws {
			r.reject(0, path, "%s (the value is an application's keys as JSON)", f.text)
		}
		ok = len(flaws) == 0
	}
	if !ok || n == nil || n.Kind != yaml.MappingNode {
		if ok {
			r.reject(0, path, `is no application; write its keys as JSON, such as {"instances": 2, "allow": [{"groups": ["engineering"]}]}`)
		}
		return items
	}
	switch id := member(n, "id"); {
	case decimal(name): // a position
	case id == nil:
		n.Content = append([]*yaml.Node{scalarNode("!!str", "id"), scalarNode("!!str", name)}, n.Content...)
	case id.Value != name:
		r.reject(0, path, "is entered under another name than its id; make the two the same, or leave out the id")
		return items
	}
	return append(items, item{n, path, place})
}

// member returns the value of a key of a mapping, or nil.
func member(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// node turns data into YAML's, or says that it cannot.
func node(data any, depth int) (*yaml.Node, bool) {
	if depth > maxDepth {
		return nil, false
	}
	switch v := data.(type) {
	case string:
		return scalarNode("!!str", v), true
	case bool:
		return scalarNode("!!bool", strconv.FormatBool(v)), true
	case int64:
		return scalarNode("!!int", strconv.FormatInt(v, 10)), true
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, one := range v {
			child, ok := node(one, depth+1)
			if !ok {
				return nil, false
			}
			n.Content = append(n.Content, child)
		}
		return n, true
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			child, ok := node(v[key], depth+1)
			if !ok {
				return nil, false
			}
			n.Content = append(n.Content, scalarNode("!!str", key), child)
		}
		return n, true
	}
	return nil, false
}

func scalarNode(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

func decimal(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
