package main

import (
	"strings"
	"time"

	"regent/agent/policy"
)

// durationPattern matches the input of time.ParseDuration, except 0 without a unit.
const durationPattern = `^[+-]?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$`

// jsonSchema returns the table as a JSON schema. With it, editors complete keys, show the
// documentation, and mark invalid values. Sections and lists may be empty, since the default
// file has only comments below them.
func jsonSchema(table []policy.Definition) []byte {
	root := section()
	root["$schema"], root["$id"] = schemaDialect, "urn:regent:config"
	root["$comment"], root["title"] = generatedFrom, "Configuration of regentd"
	for _, d := range table {
		at := root
		for name := range strings.SplitSeq(d.Key, ".") {
			at = below(at, name)
		}
		describe(at, d)
	}
	rule := root
	for _, name := range []string{"applications", "*", "allow", "*"} {
		rule = below(rule, name)
	}
	rule["anyOf"] = conditions(table)
	return encode(root)
}

func section() object {
	return object{"type": []string{"object", "null"}, "additionalProperties": false, "properties": object{}}
}

// below returns the schema below one part of a key.
func below(s object, name string) object {
	if name == "*" {
		if s["items"] == nil {
			s["items"] = object{"type": []string{"object"}, "additionalProperties": false, "properties": object{}}
		}
		return s["items"].(object)
	}
	properties := s["properties"].(object)
	if properties[name] == nil {
		properties[name] = section()
	}
	return properties[name].(object)
}

// describe turns a section into a key.
func describe(s object, d policy.Definition) {
	clear(s)
	s["title"], s["description"] = d.Title, d.Doc
	if fallback := defaultText(d); fallback != "" {
		s["default"] = d.Default
		if d.Type == policy.Duration {
			s["default"] = fallback
		}
	}
	if d.Example != "" {
		s["examples"] = []string{d.Example}
	}
	switch d.Type {
	case policy.Text, policy.Path:
		s["type"], s["pattern"] = []string{"string"}, d.Pattern
	case policy.Word:
		s["enum"] = d.Words
	case policy.Bool:
		s["type"] = []string{"boolean"}
	case policy.Int:
		s["type"], s["minimum"], s["maximum"] = []string{"integer"}, d.Min, d.Max
	case policy.Duration:
		s["type"], s["pattern"] = []string{"string"}, durationPattern
		s["description"] = d.Doc + " From " + policy.FormatDuration(time.Duration(d.Min)) + " to " + policy.FormatDuration(time.Duration(d.Max)) + "."
	case policy.Names, policy.Executables, policy.Rules, policy.Applications:
		describeList(s, d)
	}
}

func describeList(s object, d policy.Definition) {
	delete(s, "examples")
	s["type"] = []string{"array"}
	switch d.Type {
	case policy.Names:
		// A user's id may be a number or a text.
		s["minItems"], s["items"] = 1, object{"type": []string{"string", "integer"}, "pattern": d.Pattern}
	case policy.Executables:
		s["minItems"] = 1
		below(s, "*")["required"] = []string{"path"}
	case policy.Applications:
		s["type"] = []string{"array", "null"}
		below(s, "*")["required"] = []string{"id"}
	}
}

// conditions requires that a rule has everyone alone, or at least one other condition.
func conditions(table []policy.Definition) []object {
	everyone := func(is bool) object { return object{"everyone": object{"const": is}} }
	var others []object
	for _, d := range table {
		if name := d.Name(); d.Key == "applications.*.allow.*."+name && name != "everyone" {
			others = append(others, object{"required": []string{name}})
		}
	}
	return []object{
		{"properties": everyone(true), "required": []string{"everyone"}, "maxProperties": 1},
		{"properties": everyone(false), "anyOf": others},
	}
}
