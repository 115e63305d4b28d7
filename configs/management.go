package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"strings"
	"text/template"

	"regent/agent/policy"
	"regent/platform/layout"
)

// The names for management systems. A changed name loses the settings under the old one.
const (
	registryKey = layout.PolicyKey
	admxApp     = "Regent" // in OMA-URIs
	category    = "Regent"
	domain      = "com.regent.agent"
)

//go:embed templates
var templates embed.FS

// renderTemplate returns a file from a template. The template gets one [setting] for each
// row of the table that the file contains.
func renderTemplate(name string, windows bool, table []policy.Definition) ([]byte, error) {
	t, err := template.New("").Funcs(template.FuncMap{"x": escape}).ParseFS(templates, "templates/"+name+".tmpl")
	if err != nil {
		return nil, err
	}
	page := struct {
		Made, Key, Category, Domain string
		Versions                    []version
		Settings                    []setting
	}{generatedFrom, registryKey, category, domain, versions(table), settings(windows, table)}
	var b bytes.Buffer
	err = t.ExecuteTemplate(&b, name+".tmpl", page)
	return b.Bytes(), err
}

// setting is a row of the table in the words of management systems.
type setting struct {
	policy.Definition
	Name    string // of the policy, and of the value in the registry
	Element string // id of the input field; "" for a Bool
	Kind    string // of the input field: text, decimal, enum, list; "switch" for a Bool
	Since   version
	Items   []word
	Help    string
	Plist   string // an example or the default, as a property list's element
	Fields  []setting
}

type version struct{ ID, Text string }

type word struct{ ID, Value string }

func versions(table []policy.Definition) []version {
	var all []version
	seen := map[string]bool{}
	for _, d := range table {
		if !seen[d.Since] {
			seen[d.Since] = true
			all = append(all, versionOf(d))
		}
	}
	return all
}

func versionOf(d policy.Definition) version {
	return version{"SINCE_" + strings.ReplaceAll(d.Since, ".", "_"), "Regent " + d.Since + " or later"}
}

// settings returns the settings of a file. The keys of a list's items are in its Fields.
func settings(windows bool, table []policy.Definition) []setting {
	return settingsBelow("", windows, table)
}

func settingsBelow(prefix string, windows bool, table []policy.Definition) []setting {
	var all []setting
	for _, d := range table {
		rest, ok := strings.CutPrefix(d.Key, prefix)
		if !ok || strings.Contains(rest, "*") {
			continue
		}
		d.Example = exampleOn(windows, d)
		s := newSetting(d)
		if d.Type == policy.Applications || d.Type == policy.Rules || d.Type == policy.Executables {
			s.Fields = settingsBelow(d.Key+".*.", windows, table)
		}
		if strings.Contains(d.Key, "*") {
			s.Name = d.Name() // inside a list's item names are those of the file
		}
		s.Plist = plistValue(s)
		all = append(all, s)
	}
	return all
}

// exampleOn converts the path of an example to one of Windows or macOS.
func exampleOn(windows bool, d policy.Definition) string {
	file, ok := strings.CutPrefix(d.Example, "/etc/regent/")
	switch {
	case d.Type != policy.Path || !ok:
		return d.Example
	case windows:
		return layout.DefaultProgramData + `\` + layout.DataFolder + `\` + file
	}
	return "/Library/Application Support/Regent/" + file
}

func newSetting(d policy.Definition) setting {
	s := setting{Definition: d, Name: d.PolicyName(), Since: versionOf(d), Help: help(d)}
	switch d.Type {
	case policy.Bool:
		s.Kind = "switch"
		return s
	case policy.Int:
		s.Kind = "decimal"
	case policy.Word:
		s.Kind = "enum"
		for _, w := range d.Words {
			s.Items = append(s.Items, word{s.Name + "_" + w, w})
		}
	case policy.Applications:
		s.Kind = "list"
	case policy.Text, policy.Path, policy.Duration, policy.Names, policy.Executables, policy.Rules:
		s.Kind = "text"
	}
	s.Element = s.Name + "_Value"
	return s
}

const applicationJSON = `{"instances": 2, "allow": [{"groups": ["engineering"]}]}`

// help is the text beside a policy.
func help(d policy.Definition) string {
	text := d.Doc
	if d.Type == policy.Applications {
		text += " Each is one entry: its name is the application's id, its value the application's other keys as JSON, such as " +
			applicationJSON + ". The keys: regent.yaml(5)."
	} else {
		text += " Accepts: " + valueText(d) + "."
	}
	if s := defaultText(d); s != "" {
		text += " Default: " + s + "."
	}
	if d.Restart {
		text += " A change takes effect when the service is restarted."
	}
	return text + " Every user of the device can read this value: no secrets here. Key in files: " + d.Key + "."
}

// omaURIs returns the OMA-URI settings for Intune as CSV. The first row ingests the ADMX.
// The others have a working payload for each policy.
func omaURIs(table []policy.Definition) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{
		{"name", "oma_uri", "data_type", "value", "key"},
		{"Ingest regent.admx", "./Device/Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/" + admxApp + "/Policy/RegentAdmx", "String", "(the content of regent.admx)", ""},
	}
	for _, s := range settings(true, table) {
		uri := "./Device/Vendor/MSFT/Policy/Config/" + admxApp + "~Policy~" + category + "/" + s.Name
		rows = append(rows, []string{s.Title, uri, "String", payload(s), s.Key})
	}
	err := w.WriteAll(rows)
	return b.Bytes(), err
}

// payload returns the XML that enables a policy with its example or its default.
func payload(s setting) string {
	text := value(s.Definition)
	switch s.Kind {
	case "switch":
		return "<enabled/>"
	case "list":
		text = "cad\uf000" + applicationJSON
	}
	return fmt.Sprintf(`<enabled/><data id="%s" value="%s"/>`, s.Element, strings.ReplaceAll(escape(text), "\uf000", "&#xF000;"))
}

// escape makes text fit into XML, in elements and in attributes.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes all
	return b.String()
}

// plistValue returns a setting's example or default as an element of a property list, on one
// line. A list has one item with every key.
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

// UUID returns the ID of a payload. It is a hash of the name, so that each run of the
// generator gives the same profile.
func (setting) UUID(name string) string {
	h := sha256.Sum256([]byte("regent profile " + name))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // version 8, made in a way of one's own
	return fmt.Sprintf("%X-%X-%X-%X-%X", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// PlistType returns the type of the setting's value for a manifest.
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

// Fallback returns the setting's default as an element of a property list, or "" for none.
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
