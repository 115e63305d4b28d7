package policy

import (
	"fmt"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"

	"regent/agent/authz"
)

// maxProblems is the maximum number of problems of one layer. A file of the wrong kind has
// one in every line.
const maxProblems = 50

// entry is one value that a layer sets.
type entry struct {
	key    string // "network.timeout", "applications.cad.instances"
	value  any    // in the normal form of the key's definition
	origin Origin
}

// reader turns one layer into entries and problems. A value with a problem gives no entry,
// so the next layer applies.
type reader struct {
	layer    Layer
	entries  []entry
	problems []Problem
	flaws    int    // problems found, also those beyond maxProblems
	place    string // place of the current value; "" in a file
}

// read decodes a layer. If it can read nothing, it returns a problem.
func read(layer Layer) ([]entry, []Problem) {
	r := &reader{layer: layer}
	if layer.Values != nil {
		r.values()
		return r.entries, r.problems
	}
	root, flaws := parse(layer.Data)
	for _, f := range flaws {
		r.reject(f.line, "", "%s", f.text)
	}
	if root != nil {
		r.mapping(root, tree, "", r.enter)
	}
	return r.entries, r.problems
}

func (r *reader) origin(line int) Origin {
	if r.place != "" {
		return Origin{r.layer.Rank, r.place, 0} // a value is one line
	}
	return Origin{r.layer.Rank, r.layer.Name, line}
}

// reject reports a problem. The arguments must not contain a written value.
func (r *reader) reject(line int, key, format string, args ...any) {
	r.flaws++
	if r.flaws > maxProblems+1 {
		return
	}
	if r.flaws > maxProblems {
		key, format, args = "", "there are more problems; correct the ones above first", nil
	}
	r.problems = append(r.problems, Problem{
		Origin: r.origin(line), Key: key, Text: fmt.Sprintf(format, args...), Fatal: r.layer.Rank != Managed,
	})
}

// enter makes an entry of the value n of a known key.
func (r *reader) enter(s *schema, key string, n *yaml.Node) {
	if s.Type == Applications {
		r.applications(n, key)
	} else if v, ok := r.value(s, key, n); ok {
		r.entries = append(r.entries, entry{key, v, r.origin(n.Line)})
	}
}

// mapping reads the keys of n and of its sections, and calls take with the value of each key
// that s has. It reports the other keys.
func (r *reader) mapping(n *yaml.Node, s *schema, path string, take func(s *schema, path string, n *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.reject(n.Line, path, "is %s, not a list of keys; write the keys below it, each with a colon", kind(n))
		return
	}
	lines := map[string]int{}
	twice := map[string]bool{}
	for k := range members(n) {
		if first, seen := lines[k.Value]; seen && k.Kind == yaml.ScalarNode {
			twice[k.Value] = true
			r.reject(k.Line, join(path, showKey(k.Value)), "is set a second time, first in line %d; keep one of the two", first)
			continue
		}
		lines[k.Value] = k.Line
	}
	for k, v := range members(n) {
		child := s.children[k.Value]
		switch {
		case k.Kind != yaml.ScalarNode:
			r.reject(k.Line, path, "has a key that is %s; a key is one word", kind(k))
		case child == nil:
			r.reject(k.Line, join(path, showKey(k.Value)), "%s", s.unknown(k.Value))
		case twice[k.Value]: // ambiguous, so neither is used
		case child.Definition != nil:
			take(child, join(path, k.Value), v)
		case !isNull(v): // a section with only comments is valid
			r.mapping(v, child, join(path, k.Value), take)
		}
	}
}

// applications reads the list of applications. The id of an item is part of its keys.
func (r *reader) applications(n *yaml.Node, path string) {
	if isNull(n) {
		return // only comments
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

// item is an item of the list of applications, and its place. place is empty in a file.
type item struct {
	*yaml.Node
	path, place string
}

// merge reads the applications of one layer. It reports ids that occur twice.
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
			r.mapping(one.Node, tree.children["applications"].item(), "applications."+ids[i], r.enter)
		}
	}
}

// id returns the id of an item. The other keys need it for their paths.
func (r *reader) id(item *yaml.Node, path string) (id string, line int, ok bool) {
	if item.Kind != yaml.MappingNode {
		r.reject(item.Line, path, "is %s, not an application; begin it with: - id: NAME", kind(item))
		return "", 0, false
	}
	ids := 0
	for k, v := range members(item) {
		if k.Kind != yaml.ScalarNode || k.Value != "id" {
			continue
		}
		ids++
		if value, good := r.value(tree.children["applications"].item().children["id"], join(path, "id"), v); good {
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

// list reads a list; read makes each item. One bad item makes the whole list invalid: the
// rest could admit more or fewer callers than its author meant.
func list[T any](r *reader, s *schema, path string, n *yaml.Node, read func(item *yaml.Node, path string) T) (any, bool) {
	if n.Kind != yaml.SequenceNode {
		r.reject(n.Line, path, "is %s, not a list; write items such as - %s", kind(n), strings.Trim(s.Example, "[]"))
		return nil, false
	}
	if len(n.Content) == 0 && s.Type != Rules { // its author means nobody, but an empty condition would be ignored
		r.reject(n.Line, path, "is an empty list; name at least one, or remove the key")
		return nil, false
	}
	before := r.flaws
	all := make([]T, len(n.Content))
	for i, item := range n.Content {
		all[i] = read(item, fmt.Sprintf("%s[%d]", path, i))
	}
	return all, r.flaws == before
}

// into reads the keys of a list's item into target, and reports whether all are valid.
func (r *reader) into(target any, s *schema, path string, item *yaml.Node) bool {
	before := r.flaws
	r.mapping(item, s.item(), path, func(s *schema, path string, n *yaml.Node) {
		if v, ok := r.value(s, path, n); ok {
			s.field(target).Set(reflect.ValueOf(v))
		}
	})
	return r.flaws == before
}

func (r *reader) rule(s *schema, path string, n *yaml.Node) authz.Rule {
	rule := authz.Rule{Origin: r.origin(n.Line).String()}
	if !r.into(&rule, s, path, n) {
		return rule
	}
	named := len(rule.Users)+len(rule.Groups)+len(rule.Executables)+len(rule.Units)+len(rule.Signers) > 0
	switch {
	case rule.Everyone && named:
		r.reject(n.Line, path, "has everyone and other conditions; remove everyone, or the others")
	case !rule.Everyone && !named:
		r.reject(n.Line, path, "has no condition; name users, groups, executables, units or signers, or write everyone: true")
	}
	return rule
}

func (r *reader) executable(s *schema, path string, n *yaml.Node) authz.Executable {
	var e authz.Executable
	if r.into(&e, s, path, n) && e.Path == "" {
		r.reject(n.Line, path, "has no path; write {path: /opt/cad/bin/cad}")
	}
	return e
}

func join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }
