package main

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"howett.net/plist"

	"regent/agent/policy"

	"regent/platform/layout"
)

// mdm is where the files for management systems are.
const mdm = "../packaging/mdm/"

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// keysOf returns the keys whose rows stand in an artefact, in their order.
func keysOf(t *testing.T, in func(policy.Definition) bool) []string {
	t.Helper()
	var keys []string
	for _, d := range policy.Table() {
		if in(d) {
			keys = append(keys, d.Key)
		}
	}
	if len(keys) == 0 {
		t.Fatal("no row of the table names this artefact")
	}
	return keys
}

// TestArtefactsHaveTheirKeys reads each file as its own reader would, and
// wants exactly the keys there whose rows say so.
func TestArtefactsHaveTheirKeys(t *testing.T) {
	every := func(policy.Definition) bool { return true }
	for _, tt := range []struct {
		name string
		in   func(policy.Definition) bool
		keys func(*testing.T) []string
	}{
		{"config.yaml", every, configKeys},
		{"REFERENCE.md", every, func(t *testing.T) []string { return firstCells(string(read(t, "REFERENCE.md"))) }},
		{"regent.yaml.5", every, manualKeys},
		{"regent.schema.json", every, schemaKeys},
		{"templates of the deb", func(d policy.Definition) bool { return d.Debconf }, debconfKeys},
		{"regent.admx", policy.Definition.IsPolicy, func(t *testing.T) []string { return byPolicyName(t, admxNames(t)) }},
		{"regent.adml", policy.Definition.IsPolicy, func(t *testing.T) []string { return byPolicyName(t, admlNames(t)) }},
		{"oma-uri.csv", policy.Definition.IsPolicy, omaKeys},
		{"regent.mobileconfig", every, profileKeys},
		{"com.regent.agent.plist", every, manifestKeys},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, want := tt.keys(t), keysOf(t, tt.in)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got %d keys, want %d:\n%s\nwant:\n%s", len(got), len(want), strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// configKeys takes each # before a key away, as a reader would, and returns the
// keys that the file then sets.
func configKeys(t *testing.T) []string {
	paths := map[string]bool{}
	var at []string // the key at each depth of indentation
	item := regexp.MustCompile(`^( *)#?(- )?([a-z][a-z0-9_]*):`)
	for line := range strings.Lines(string(read(t, "config.yaml"))) {
		m := item.FindStringSubmatch(line)
		if m == nil || strings.HasPrefix(strings.TrimSpace(line), "# ") {
			continue
		}
		depth := (len(m[1]) + len(m[2])) / 2
		for len(at) <= depth {
			at = append(at, "*")
		}
		at = append(at[:depth], m[3])
		paths[strings.Join(at, ".")] = true
	}
	var keys []string
	for p := range paths {
		// A list's items are indented by more than one step.
		key := strings.ReplaceAll(p, ".*.*", ".*")
		if slices.ContainsFunc(policy.Table(), func(d policy.Definition) bool { return d.Key == key }) {
			keys = append(keys, key)
		}
	}
	return keys
}

// firstCells returns the keys in the first column of Markdown tables.
func firstCells(text string) []string {
	var keys []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(text, -1) {
		keys = append(keys, m[1])
	}
	return keys
}

func manualKeys(t *testing.T) []string {
	var keys []string
	for _, m := range regexp.MustCompile(`(?m)^\.TP\n\.B ([^\\]+(?:\\-[^\\]+)*)\\fR`).FindAllStringSubmatch(string(read(t, "regent.yaml.5")), -1) {
		keys = append(keys, strings.ReplaceAll(m[1], `\-`, "-"))
	}
	return keys
}

// byPolicyName turns the names of policies into keys.
func byPolicyName(t *testing.T, names []string) []string {
	var keys []string
	for _, name := range names {
		found := ""
		for _, d := range policy.Table() {
			if d.PolicyName() == name {
				found = d.Key
			}
		}
		if found == "" {
			t.Errorf("%s is the name of no key", name)
		}
		keys = append(keys, found)
	}
	return keys
}

// admx is what a Group Policy editor reads.
type admx struct {
	Using []struct {
		Prefix string `xml:"prefix,attr"`
	} `xml:"policyNamespaces>using"`
	Supported []struct {
		Name    string `xml:"name,attr"`
		Display string `xml:"displayName,attr"`
	} `xml:"supportedOn>definitions>definition"`
	Categories []struct {
		Name    string `xml:"name,attr"`
		Display string `xml:"displayName,attr"`
	} `xml:"categories>category"`
	Policies []struct {
		Name         string `xml:"name,attr"`
		Class        string `xml:"class,attr"`
		Display      string `xml:"displayName,attr"`
		Explain      string `xml:"explainText,attr"`
		Presentation string `xml:"presentation,attr"`
		Key          string `xml:"key,attr"`
		ValueName    string `xml:"valueName,attr"`
		Parent       struct {
			Ref string `xml:"ref,attr"`
		} `xml:"parentCategory"`
		Supported struct {
			Ref string `xml:"ref,attr"`
		} `xml:"supportedOn"`
		Elements struct {
			All []struct {
				XMLName   xml.Name
				ID        string `xml:"id,attr"`
				Key       string `xml:"key,attr"`
				ValueName string `xml:"valueName,attr"`
				Items     []struct {
					Display string `xml:"displayName,attr"`
				} `xml:"item"`
			} `xml:",any"`
		} `xml:"elements"`
	} `xml:"policies>policy"`
}

type adml struct {
	Strings []struct {
		ID   string `xml:"id,attr"`
		Text string `xml:",chardata"`
	} `xml:"resources>stringTable>string"`
	Presentations []struct {
		ID  string `xml:"id,attr"`
		All []struct {
			Ref string `xml:"refId,attr"`
		} `xml:",any"`
	} `xml:"resources>presentationTable>presentation"`
}

func groupPolicy(t *testing.T) (a admx, l adml) {
	t.Helper()
	for name, into := range map[string]any{"regent.admx": &a, "en-US/regent.adml": &l} {
		d := xml.NewDecoder(bytes.NewReader(read(t, mdm+"group-policy/"+name)))
		d.Strict = true
		if err := d.Decode(into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return a, l
}

func admxNames(t *testing.T) []string {
	a, _ := groupPolicy(t)
	var names []string
	for _, p := range a.Policies {
		names = append(names, p.Name)
	}
	return names
}

// admlNames returns the policies that have a title and a text.
func admlNames(t *testing.T) []string {
	_, l := groupPolicy(t)
	text := map[string]string{}
	for _, s := range l.Strings {
		text[s.ID] = s.Text
	}
	var names []string
	for id := range text {
		if name, ok := strings.CutSuffix(id, "_Help"); ok && text[id] != "" && text[name] != "" {
			names = append(names, name)
		}
	}
	return names
}

// references collects what is referred to and what is defined.
type references struct{ defined, used map[string]int }

func (r references) use(kind, ref string) {
	if ref != "" {
		r.used[kind+" "+strings.TrimSuffix(strings.TrimPrefix(ref, "$("+kind+"."), ")")]++
	}
}

func TestGroupPolicyReferences(t *testing.T) {
	a, l := groupPolicy(t)
	r := references{map[string]int{}, map[string]int{}}
	for _, s := range l.Strings {
		r.defined["string "+s.ID]++
	}
	for _, p := range l.Presentations {
		r.defined["presentation "+p.ID]++
		for _, e := range p.All {
			r.use("element", p.ID+" "+e.Ref)
		}
	}
	for _, s := range a.Supported {
		r.defined["supportedOn "+s.Name]++
		r.use("string", s.Display)
	}
	for _, c := range a.Categories {
		r.defined["category "+c.Name]++
		r.use("string", c.Display)
	}
	for _, p := range a.Policies {
		r.defined["policy "+p.Name]++
		r.used["policy "+p.Name]++
		r.use("string", p.Display)
		r.use("string", p.Explain)
		r.use("presentation", p.Presentation)
		r.use("category", p.Parent.Ref)
		r.use("supportedOn", p.Supported.Ref)
		for _, e := range p.Elements.All {
			r.defined["element "+p.Name+" "+e.ID]++
			for _, i := range e.Items {
				r.use("string", i.Display)
			}
		}
	}
	for ref := range r.used {
		if r.defined[ref] == 0 {
			t.Errorf("%s is used, and defined nowhere", ref)
		}
	}
	for name, n := range r.defined {
		if n > 1 || r.used[name] == 0 {
			t.Errorf("%s is defined %d times and used %d times", name, n, r.used[name])
		}
	}
	t.Logf("%d policies, %d definitions, %d references", len(a.Policies), len(r.defined), len(r.used))
}

// TestGroupPolicyCanBeIngested holds what Intune asks of an ADMX that it takes
// in: keys outside of Windows' own, and nothing from other files.
func TestGroupPolicyCanBeIngested(t *testing.T) {
	a, _ := groupPolicy(t)
	if len(a.Using) > 0 {
		t.Errorf("it needs another ADMX: %v", a.Using)
	}
	readable := regexp.MustCompile(`^[A-Z][A-Za-z0-9]+$`) // Intune shows the names, not the titles
	for _, p := range a.Policies {
		if !readable.MatchString(p.Name) || p.Class != "Machine" {
			t.Errorf("policy %s of class %s", p.Name, p.Class)
		}
		keys := []string{p.Key}
		for _, e := range p.Elements.All {
			if e.Key != "" {
				keys = append(keys, e.Key)
			}
		}
		for _, key := range keys {
			for _, forbidden := range []string{`System`, `Software\Microsoft`, `Software\Policies\Microsoft`} {
				low := strings.ToLower(key)
				if low == strings.ToLower(forbidden) || strings.HasPrefix(low, strings.ToLower(forbidden)+`\`) {
					t.Errorf("%s writes to %s, which an ingested ADMX may not", p.Name, key)
				}
			}
			if key != layout.PolicyKey && !strings.HasPrefix(key, layout.PolicyKey+`\`) {
				t.Errorf("%s writes to %s, where regentd does not look", p.Name, key)
			}
		}
	}
}

func omaRows(t *testing.T) [][]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(read(t, mdm+"intune/oma-uri.csv"))).ReadAll()
	if err != nil || len(rows) < 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if !strings.Contains(rows[1][1], "/ADMXInstall/Regent/Policy/") {
		t.Errorf("the first row is %v, want the ingestion of the ADMX", rows[1])
	}
	return rows[2:]
}

func omaKeys(t *testing.T) []string {
	var keys []string
	for _, row := range omaRows(t) {
		keys = append(keys, row[4])
	}
	return keys
}

// TestOMAURIsAreTheADMXs holds each row to the policy that it enables: the
// path, the id of the element, and well-formed XML.
func TestOMAURIsAreTheADMXs(t *testing.T) {
	a, _ := groupPolicy(t)
	elements := map[string]string{}
	for _, p := range a.Policies {
		uri := "./Device/Vendor/MSFT/Policy/Config/Regent~Policy~" + p.Parent.Ref + "/" + p.Name
		elements[uri] = ""
		for _, e := range p.Elements.All {
			elements[uri] = e.ID
		}
	}
	for _, row := range omaRows(t) {
		id, ok := elements[row[1]]
		if !ok {
			t.Errorf("%s: the ADMX has no such policy", row[1])
			continue
		}
		var body struct {
			Enabled *struct{} `xml:"enabled"`
			Data    []struct {
				ID    string `xml:"id,attr"`
				Value string `xml:"value,attr"`
			} `xml:"data"`
		}
		// U+F000 separates the name and the value of a list's entry.
		if err := xml.Unmarshal([]byte("<x>"+row[3]+"</x>"), &body); err != nil || body.Enabled == nil {
			t.Errorf("%s: payload %s: %v", row[0], row[3], err)
			continue
		}
		if (id != "") != (len(body.Data) == 1) || id != "" && (body.Data[0].ID != id || body.Data[0].Value == "") {
			t.Errorf("%s: payload %s, want data for the element %q", row[0], row[3], id)
		}
	}
}

// profile returns the settings that the configuration profile brings.
func profile(t *testing.T) map[string]any {
	t.Helper()
	var p struct {
		PayloadType, PayloadScope, PayloadIdentifier, PayloadUUID string
		PayloadVersion                                            int
		PayloadContent                                            []map[string]any
	}
	if _, err := plist.Unmarshal(read(t, mdm+"jamf/regent.mobileconfig"), &p); err != nil {
		t.Fatal(err)
	}
	if p.PayloadType != "Configuration" || p.PayloadScope != "System" || p.PayloadVersion != 1 || len(p.PayloadContent) != 1 {
		t.Fatalf("it is no profile with one payload for the system: %+v", p)
	}
	content := p.PayloadContent[0]
	if content["PayloadType"] != "com.regent.agent" || content["PayloadUUID"] == p.PayloadUUID || content["PayloadIdentifier"] == p.PayloadIdentifier {
		t.Errorf("payload %v: want the preference domain, and names of its own", content["PayloadType"])
	}
	settings := map[string]any{}
	for name, v := range content {
		if !strings.HasPrefix(name, "Payload") {
			settings[name] = v
		}
	}
	return settings
}

func profileKeys(t *testing.T) []string {
	var names []string
	for name := range profile(t) {
		names = append(names, name)
	}
	return append(byPolicyName(t, names), nested("applications.*.", profile(t)["Applications"])...)
}

// nested lists the keys in the items of a list.
func nested(prefix string, list any) []string {
	found := map[string]bool{}
	for _, item := range list.([]any) {
		fields, ok := item.(map[string]any)
		if !ok {
			continue
		}
		for name, v := range fields {
			found[prefix+name] = true
			if _, ok := v.([]any); ok {
				for _, key := range nested(prefix+name+".*.", v) {
					found[key] = true
				}
			}
		}
	}
	var keys []string
	for key := range found {
		keys = append(keys, key)
	}
	return keys
}

// manifest is what a console reads of a preference domain.
type manifest struct {
	Domain  string     `plist:"pfm_domain"`
	Name    string     `plist:"pfm_name"`
	Title   string     `plist:"pfm_title"`
	Type    string     `plist:"pfm_type"`
	Subkeys []manifest `plist:"pfm_subkeys"`
}

func manifestKeys(t *testing.T) []string {
	var m manifest
	if _, err := plist.Unmarshal(read(t, mdm+"jamf/com.regent.agent.plist"), &m); err != nil {
		t.Fatal(err)
	}
	if m.Domain != "com.regent.agent" {
		t.Errorf("domain %q", m.Domain)
	}
	var names, keys []string
	for _, s := range m.Subkeys {
		names = append(names, s.Name)
		if s.Name == "Applications" {
			keys = manifestItems("applications.*.", s)
		}
	}
	return append(keys, byPolicyName(t, names)...)
}

func manifestItems(prefix string, list manifest) []string {
	var keys []string
	for _, item := range list.Subkeys {
		for _, s := range item.Subkeys {
			keys = append(keys, prefix+s.Name)
			keys = append(keys, manifestItems(prefix+s.Name+".*.", s)...)
		}
	}
	return keys
}
