package policy

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"regent/agent/authz"
)

// maxProblems bounds what one layer may report: a file of the wrong kind has
// something wrong in every line, and the first of them say so.
const maxProblems = 50

// entry is one value that a layer sets.
type entry struct {
	key    string // "network.timeout", "applications.cad.instances"
	value  any    // in the normal form of the key's definition
	origin Origin
}

// reader turns one layer into entries and problems. What has a problem gives
// no entry, so the next layer rules.
type reader struct {
	layer    Layer
	schema   *schema
	entries  []entry
	problems []Problem
	flaws    int    // problems found, those beyond maxProblems too
	place    string // of the value that is being read; "" in a file
}

// read decodes a layer. It never fails as a whole without saying so.
func read(layer Layer, s *schema) ([]entry, []Problem) {
	r := &reader{layer: layer, schema: s}
	if layer.Values != nil {
		r.values()
		return r.entries, r.problems
	}
	root, flaws := parse(layer.Data)
	for _, f := range flaws {
		r.reject(f.line, "", "%s", f.text)
	}
	if root != nil {
		r.settings(root)
	}
	return r.entries, r.problems
}

func (r *reader) origin(line int) Origin {
	if r.place != "" {
		return Origin{r.layer.Rank, r.place, 0} // a value is one line
	}
	return Origin{r.layer.Rank, r.layer.Name, line}
}

// reject reports a problem. The arguments must not hold a written value.
func (r *reader) reject(line int, key, format string, args ...any) {
	r.flaws++
	if r.flaws > maxProblems+1 {
		return
	}
	if r.flaws > maxProblems {
		key, format, args = "", "there are more problems from here on; mend those before first", nil
	}
	r.problems = append(r.problems, Problem{
		Origin: r.origin(line), Key: key, Text: fmt.Sprintf(format, args...), Fatal: r.layer.Rank != Managed,
	})
}

// leaf takes the value node of a known key.
type leaf func(d *Definition, path string, n *yaml.Node)

func (r *reader) settings(root *yaml.Node) {
	r.mapping(root, r.schema, "", func(d *Definition, path string, n *yaml.Node) {
		if d.Type == Applications {
			r.applications(n, path)
			return
		}
		if v, ok := r.value(d, path, n); ok {
			r.entries = append(r.entries, entry{path, v, r.origin(n.Line)})
		}
	})
}

// mapping reads the keys of n that s knows, and of the sections below it.
func (r *reader) mapping(n *yaml.Node, s *schema, path string, take leaf) {
	if n.Kind != yaml.MappingNode {
		r.reject(n.Line, path, "is %s, not a list of keys; write the keys below it, each with a colon", kind(n))
		return
	}
	lines := map[string]int{}
	twice := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		k := n.Content[i]
		if first, seen := lines[k.Value]; seen && k.Kind == yaml.ScalarNode {
			twice[k.Value] = true
			r.reject(k.Line, join(path, showKey(k.Value)), "is set a second time, first in line %d; keep one of the two", first)
			continue
		}
		lines[k.Value] = k.Line
	}
	for i := 0; i < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		child := s.children[k.Value]
		switch {
		case k.Kind != yaml.ScalarNode:
			r.reject(k.Line, path, "has a key that is %s; a key is one word", kind(k))
		case child == nil || k.Value == "*":
			r.reject(k.Line, join(path, showKey(k.Value)), "%s", r.schema.unknown(k.Value, s))
		case twice[k.Value]: // which one was meant is anybody's guess, so neither counts
		case child.def != nil:
			take(child.def, join(path, k.Value), v)
		case !isNull(v): // a section whose keys are all commented out is fine
			r.mapping(v, child, join(path, k.Value), take)
		}
	}
}

// applications reads the list, in which the id of an item is part of the name
// of its keys.
func (r *reader) applications(n *yaml.Node, path string) {
	if isNull(n) {
		return // all items are commented out
	}
	if n.Kind != yaml.SequenceNode {
		r.reject(n.Line, path, "is %s, not a list; write one item for each application, beginning with: - id: NAME", kind(n))
		return
	}
	items := make([]item, len(n.Content))
	for i, one := range n.Content {
		items[i] = item{one, fmt.Sprintf("%s[%d]", path, i), ""}
	}
	r.merge(items)
}

// item is one of the list of applications, and where it is: place is empty in a
// file.
type item struct {
	*yaml.Node
	path, place string
}

// merge reads the applications of one layer, each of which has an id of its own.
func (r *reader) merge(items []item) {
	first := map[string]int{}
	count := map[string]int{}
	ids := make([]string, len(items))
	for i, one := range items {
		r.place = one.place
		id, line, ok := r.id(one.Node, one.path)
		if !ok {
			continue
		}
		ids[i] = id
		if count[id]++; count[id] == 1 {
			first[id] = line
			continue
		}
		where := ""
		if r.place == "" {
			where = fmt.Sprintf(" in this file, first in line %d", first[id])
		}
		r.reject(line, "applications."+id, "is listed a second time%s; make one item of the two", where)
	}
	for i, one := range items {
		if r.place = one.place; count[ids[i]] == 1 {
			r.application(one.Node, "applications."+ids[i])
		}
	}
}

// id finds the id of an item, which must be known before its other keys are.
func (r *reader) id(item *yaml.Node, path string) (id string, line int, ok bool) {
	if item.Kind != yaml.MappingNode {
		r.reject(item.Line, path, "is %s, not an application; begin it with: - id: NAME", kind(item))
		return "", 0, false
	}
	ids := 0
	for i := 0; i < len(item.Content); i += 2 {
		k, v := item.Content[i], item.Content[i+1]
		if k.Kind != yaml.ScalarNode || k.Value != "id" {
			continue
		}
		ids++
		value, good := r.value(r.schema.children["applications"].item().children["id"].def, join(path, "id"), v)
		if good {
			id, line, ok = value.(string), v.Line, true
		}
	}
	switch {
	case ids == 0:
		r.reject(item.Line, path, "has no id; begin it with: - id: NAME")
	case ids > 1:
		r.reject(item.Line, path, "has more than one id; keep one")
	}
	return id, line, ok && ids == 1
}

func (r *reader) application(item *yaml.Node, path string) {
	s := r.schema.children["applications"].item()
	r.mapping(item, s, path, func(d *Definition, key string, n *yaml.Node) {
		if v, ok := r.value(d, key, n); ok {
			r.entries = append(r.entries, entry{key, v, r.origin(n.Line)})
		}
	})
}

// rules reads an allow list. One bad rule spoils the list: what is left of it
// could admit more, or fewer, than its author meant.
func (r *reader) rules(n *yaml.Node, path string) ([]authz.Rule, bool) {
	before := r.flaws
	s := r.schema.children["applications"].item().children["allow"].item()
	rules := []authz.Rule{}
	r.items(n, path, "- groups: [engineering]", func(item *yaml.Node, path string) {
		rule := authz.Rule{Origin: r.origin(item.Line).String()}
		sound := r.flaws
		r.mapping(item, s, path, r.into(&rule))
		if r.flaws == sound {
			r.conditions(rule, item, path)
		}
		rules = append(rules, rule)
	})
	return rules, r.flaws == before
}

// conditions refuses the rules that say something else than they seem to.
func (r *reader) conditions(rule authz.Rule, item *yaml.Node, path string) {
	named := len(rule.Users)+len(rule.Groups)+len(rule.Executables)+len(rule.Units)+len(rule.Signers) > 0
	switch {
	case rule.Everyone && named:
		r.reject(item.Line, path, "has everyone beside other conditions; remove everyone, or the others")
	case !rule.Everyone && !named:
		r.reject(item.Line, path, "has no condition; name users, groups, executables, units or signers, or write everyone: true")
	}
}

func (r *reader) executables(n *yaml.Node, path string) ([]authz.Executable, bool) {
	before := r.flaws
	s := r.schema.children["applications"].item().children["allow"].item().children["executables"].item()
	var list []authz.Executable
	r.items(n, path, "- path: /opt/cad/bin/cad", func(item *yaml.Node, path string) {
		var e authz.Executable
		sound := r.flaws
		r.mapping(item, s, path, r.into(&e))
		if r.flaws == sound && e.Path == "" {
			r.reject(item.Line, path, "has no path; write {path: /opt/cad/bin/cad}")
		}
		list = append(list, e)
	})
	r.notEmpty(n, path)
	return list, r.flaws == before
}

// into returns a leaf that stores the values in target.
func (r *reader) into(target any) leaf {
	return func(d *Definition, path string, n *yaml.Node) {
		if v, ok := r.value(d, path, n); ok {
			d.field.set(target, v)
		}
	}
}

// items calls each for the items of the list n.
func (r *reader) items(n *yaml.Node, path, example string, each func(item *yaml.Node, path string)) {
	if n.Kind != yaml.SequenceNode {
		r.reject(n.Line, path, "is %s, not a list; write items such as %s", kind(n), example)
		return
	}
	for i, item := range n.Content {
		each(item, fmt.Sprintf("%s[%d]", path, i))
	}
}

// notEmpty refuses an empty list of conditions: it reads as nobody, and would
// be a condition that is not asked.
func (r *reader) notEmpty(n *yaml.Node, path string) {
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.reject(n.Line, path, "is an empty list; name at least one, or remove the key")
	}
}

func join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }
