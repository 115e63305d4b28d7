package main

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"regent/agent/policy"
)

// plistValue writes a setting's example, or its default, as an element of a
// property list, on one line; a list as one item with all that one can have.
func plistValue(s setting) string {
	switch s.Type {
	case policy.Bool:
		return "<" + value(s.Definition) + "/>"
	case policy.Int:
		return "<integer>" + value(s.Definition) + "</integer>"
	case policy.Names:
		return "<array><string>" + escape(strings.Trim(s.Example, "[]'")) + "</string></array>"
	case policy.Rules:
		// One rule for each condition: all of them in one rule must hold together.
		return "<array>" + plistItems(s.Fields) + "</array>"
	case policy.Applications, policy.Executables:
		return "<array><dict>" + plistFields(s.Fields) + "</dict></array>"
	case policy.Text, policy.Path, policy.Duration, policy.Word:
	}
	text := strings.Trim(value(s.Definition), `"`)
	return "<string>" + escape(text) + "</string>"
}

func plistFields(fields []setting) string {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "<key>%s</key>%s", f.Name, f.Plist)
	}
	return b.String()
}

func plistItems(fields []setting) string {
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "<dict>%s</dict>", plistFields([]setting{f}))
	}
	return b.String()
}

// UUID names a payload. It is made of its name, so that the same profile is not
// a new one each time it is generated.
func (setting) UUID(name string) string {
	h := sha256.Sum256([]byte("regent profile " + name))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // version 8, made in a way of one's own
	return fmt.Sprintf("%X-%X-%X-%X-%X", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// PlistType is the type of the setting's value in the words of a manifest.
func (s setting) PlistType() string {
	switch s.Type {
	case policy.Bool:
		return "boolean"
	case policy.Int:
		return "integer"
	case policy.Names, policy.Rules, policy.Executables, policy.Applications:
		return "array"
	case policy.Text, policy.Path, policy.Duration, policy.Word:
	}
	return "string"
}

// Fallback is the setting's default as an element of a property list; "" for
// none.
func (s setting) Fallback() string {
	text := defaultText(s.Definition)
	switch {
	case text == "" || text == `""`:
		return ""
	case s.Type == policy.Bool:
		return "<" + text + "/>"
	case s.Type == policy.Int:
		return "<integer>" + text + "</integer>"
	}
	return "<string>" + escape(text) + "</string>"
}

// IsNames reports whether the value is a list of names.
func (s setting) IsNames() bool { return s.Type == policy.Names }
