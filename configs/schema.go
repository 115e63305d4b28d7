package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"regent/agent/policy"
)

// configurationSchema is as much of JSON Schema (2020-12) as the table needs.
type configurationSchema struct {
	Schema      string                          `json:"$schema,omitempty"`
	ID          string                          `json:"$id,omitempty"`
	Comment     string                          `json:"$comment,omitempty"`
	Title       string                          `json:"title,omitempty"`
	Description string                          `json:"description,omitempty"`
	Type        []string                        `json:"type,omitempty"`
	Enum        []string                        `json:"enum,omitempty"`
	Const       *bool                           `json:"const,omitempty"`
	Pattern     string                          `json:"pattern,omitempty"`
	Minimum     *int64                          `json:"minimum,omitempty"`
	Maximum     *int64                          `json:"maximum,omitempty"`
	Default     any                             `json:"default,omitempty"`
	Examples    []string                        `json:"examples,omitempty"`
	Properties  map[string]*configurationSchema `json:"properties,omitempty"`
	Additional  *bool                           `json:"additionalProperties,omitempty"`
	Required    []string                        `json:"required,omitempty"`
	MaxProps    int                             `json:"maxProperties,omitempty"`
	Items       *configurationSchema            `json:"items,omitempty"`
	MinItems    int                             `json:"minItems,omitempty"`
	AnyOf       []*configurationSchema          `json:"anyOf,omitempty"`
}

// durationPattern is what time.ParseDuration takes, but for a bare 0.
const durationPattern = `^[+-]?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$`

// jsonSchema writes the table for editors: they then complete keys, show the
// documentation, and mark what regentd would refuse. Sections and lists may be
// empty, as they are in the default file, where all below them is commented out.
func jsonSchema(table []policy.Definition) ([]byte, error) {
	root := &configurationSchema{
		Schema: "https://json-schema.org/draft/2020-12/schema", ID: "urn:regent:config",
		Comment: generatedFrom, Title: "Configuration of regentd", Type: []string{"object", "null"}, Additional: new(bool),
	}
	for _, d := range table {
		at := root
		for name := range strings.SplitSeq(d.Key, ".") {
			at = at.child(name)
		}
		at.describe(d)
	}
	rule := root.child("applications").child("*").child("allow").child("*")
	rule.AnyOf = conditions(rule)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // patterns stay readable
	enc.SetIndent("", "  ")
	err := enc.Encode(root)
	return b.Bytes(), err
}

// child returns the schema below one part of a key.
func (s *configurationSchema) child(name string) *configurationSchema {
	if name == "*" {
		if s.Items == nil {
			s.Items = &configurationSchema{Type: []string{"object"}, Additional: new(bool)}
		}
		return s.Items
	}
	if s.Properties == nil {
		s.Properties = map[string]*configurationSchema{}
	}
	if s.Properties[name] == nil {
		s.Properties[name] = &configurationSchema{Type: []string{"object", "null"}, Additional: new(bool)}
	}
	return s.Properties[name]
}

// describe turns a section into a key.
func (s *configurationSchema) describe(d policy.Definition) {
	items := s.Items
	*s = configurationSchema{Title: d.Title, Description: d.Doc, Items: items}
	if fallback := defaultText(d); fallback != "" {
		s.Default = d.Default
		if d.Type == policy.Duration {
			s.Default = fallback
		}
	}
	if d.Example != "" {
		s.Examples = []string{d.Example}
	}
	switch d.Type {
	case policy.Text, policy.Path:
		s.Type, s.Pattern = []string{"string"}, d.Pattern
	case policy.Word:
		s.Enum = d.Words
	case policy.Bool:
		s.Type = []string{"boolean"}
	case policy.Int:
		s.Type, s.Minimum, s.Maximum = []string{"integer"}, &d.Min, &d.Max
	case policy.Duration:
		s.Type, s.Pattern = []string{"string"}, durationPattern
		s.Description += " From " + policy.FormatDuration(time.Duration(d.Min)) + " to " + policy.FormatDuration(time.Duration(d.Max)) + "."
	case policy.Names:
		// A number is a user's id as much as its text is.
		s.Type, s.MinItems, s.Examples = []string{"array"}, 1, nil
		s.Items = &configurationSchema{Type: []string{"string", "integer"}, Pattern: d.Pattern}
	case policy.Executables:
		s.Type, s.MinItems, s.Examples = []string{"array"}, 1, nil
		s.child("*").Required = []string{"path"}
	case policy.Rules:
		s.Type, s.Examples = []string{"array"}, nil
	case policy.Applications:
		s.Type = []string{"array", "null"}
		s.child("*").Required = []string{"id"}
	}
}

// conditions says that a rule is everyone alone, or names at least one other
// condition.
func conditions(rule *configurationSchema) []*configurationSchema {
	yes, no := true, false
	others := &configurationSchema{Properties: map[string]*configurationSchema{"everyone": {Const: &no}}}
	for _, d := range policy.Table() {
		if name, ok := strings.CutPrefix(d.Key, "applications.*.allow.*."); ok && rule.Properties[name] != nil && name != "everyone" {
			others.AnyOf = append(others.AnyOf, &configurationSchema{Required: []string{name}})
		}
	}
	everyone := &configurationSchema{Properties: map[string]*configurationSchema{"everyone": {Const: &yes}}, Required: []string{"everyone"}, MaxProps: 1}
	return []*configurationSchema{everyone, others}
}
