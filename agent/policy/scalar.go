package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"gopkg.in/yaml.v3"

	"regent/agent/authz"
)

// maxText is the maximum length of a text in bytes, longer than any path.
const maxText = 4096

// value decodes n for the key s. If that fails, it reports the reason.
func (r *reader) value(s *schema, path string, n *yaml.Node) (any, bool) {
	switch s.Type {
	case Rules:
		return list(r, s, path, n, func(item *yaml.Node, path string) authz.Rule { return r.rule(s, path, item) })
	case Executables:
		return list(r, s, path, n, func(item *yaml.Node, path string) authz.Executable { return r.executable(s, path, item) })
	case Names:
		return list(r, s, path, n, func(item *yaml.Node, path string) string {
			name, err := s.text(item)
			r.check(item, path, err)
			return name
		})
	case Applications, Text, Path, Bool, Int, Duration, Word:
	}
	v, err := s.scalar(n)
	return v, r.check(n, path, err)
}

// check reports err as a problem of the value n. It returns whether err is nil.
func (r *reader) check(n *yaml.Node, path string, err error) bool {
	if err != nil {
		r.reject(n.Line, path, "%v", err)
	}
	return err == nil
}

func (d *Definition) scalar(n *yaml.Node) (any, error) {
	switch d.Type {
	case Bool:
		if n.Tag != "!!bool" || n.Value != "true" && n.Value != "false" {
			return nil, fmt.Errorf("is %s; write true or false, without quotes", kind(n))
		}
		return n.Value == "true", nil
	case Int:
		return d.integer(n)
	case Duration:
		return d.duration(n)
	case Word:
		if n.Kind != yaml.ScalarNode || !slices.Contains(d.Words, n.Value) {
			return nil, fmt.Errorf("is not a valid value; write %s", alternatives(d.Words))
		}
		return n.Value, nil
	case Text, Path:
		return d.text(n)
	case Applications, Names, Executables, Rules:
	}
	return nil, fmt.Errorf("[unexpected] a %s is not one value", d.Type)
}

// text returns the characters as written: 1000 is a user's id like "1000". It refuses YAML's
// null and truth values, since they are probably mistakes.
func (d *Definition) text(n *yaml.Node) (string, error) {
	switch {
	case n.Kind != yaml.ScalarNode:
		return "", fmt.Errorf("is %s, not one text; write one value", kind(n))
	case n.Tag == "!!null":
		return "", fmt.Errorf("has no value; write one, or remove the key")
	case n.Tag == "!!bool":
		return "", fmt.Errorf("is %s; quote it if that text is meant", kind(n))
	case len(n.Value) > maxText:
		return "", fmt.Errorf("is longer than %d bytes; write a shorter one", maxText)
	case strings.IndexFunc(n.Value, unicode.IsControl) >= 0:
		return "", fmt.Errorf("has a line break or another control character; write it in one line")
	case d.Check == nil:
		return n.Value, nil
	}
	return d.Check(n.Value)
}

func (d *Definition) integer(n *yaml.Node) (any, error) {
	v, err := strconv.Atoi(n.Value)
	if n.Tag != "!!int" || err != nil || strconv.Itoa(v) != n.Value {
		return nil, fmt.Errorf("is %s; write a whole number from %d to %d, without quotes", kind(n), d.Min, d.Max)
	}
	if int64(v) < d.Min || int64(v) > d.Max {
		return nil, fmt.Errorf("is out of bounds; write a number from %d to %d", d.Min, d.Max)
	}
	return v, nil
}

func (d *Definition) duration(n *yaml.Node) (any, error) {
	low, high := FormatDuration(time.Duration(d.Min)), FormatDuration(time.Duration(d.Max))
	v, err := time.ParseDuration(n.Value)
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!int" && n.Value != "0":
		return nil, fmt.Errorf("has no unit; write a duration such as 30s or 5m, from %s to %s", low, high)
	case n.Kind != yaml.ScalarNode, err != nil:
		return nil, fmt.Errorf("is not a duration; write one such as 30s or 5m, from %s to %s", low, high)
	case int64(v) < d.Min || int64(v) > d.Max:
		return nil, fmt.Errorf("is out of bounds; write a duration from %s to %s", low, high)
	}
	return v, nil
}

// FormatDuration writes a duration as people do: 10m, where String says 10m0s.
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// kind returns the type of a node for people, without its value.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a list of keys"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode, yaml.DocumentNode, yaml.AliasNode:
	}
	switch n.Tag {
	case "!!null":
		return "empty"
	case "!!bool":
		return "a truth value"
	case "!!int", "!!float":
		return "a number"
	}
	return "text"
}

func alternatives(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
