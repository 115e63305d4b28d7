package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"regent/agent/doctor"
	"regent/agent/status"
)

func compiled(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	files, err := apiSchemas()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(files[name]))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// schemaValidate asks a reader that is not ours.
func schemaValidate(t *testing.T, s *jsonschema.Schema, v any) error {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func TestStatus(t *testing.T) {
	s := compiled(t, "status.schema.json")
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	whole := status.Status{
		Version: "1", StartedAt: now, Now: now, Health: status.Serving, CanServeUntil: &now, Counts: &status.Counts{}, Store: status.Store{State: "ok"},
		Tenants: []status.Tenant{{Host: "h", Reachable: "no", RegistrationToken: &status.RegistrationToken{}, LastFault: &status.Fault{Code: "unavailable"}}},
		Applications: []status.Application{{Instances: []status.Instance{
			{State: "live", Holder: &status.Holder{}, ExpiresAt: &now, NextRefresh: &now, LastFault: &status.Fault{Code: "revoked"}},
		}}},
		Problems: []status.Problem{{}},
	}
	if err := schemaValidate(t, s, whole); err != nil {
		t.Errorf("a whole status: %v", err)
	}
	for name, bad := range map[string]any{
		"without a version":        map[string]any{"health": "serving"},
		"with a number for a word": map[string]any{"version": 1},
		"with an unknown health":   status.Status{Health: "fine", Store: whole.Store, Tenants: whole.Tenants, Applications: whole.Applications, Problems: whole.Problems},
	} {
		if err := schemaValidate(t, s, bad); err == nil {
			t.Errorf("a status %s is taken", name)
		}
	}
}

func TestDoctor(t *testing.T) {
	s := compiled(t, "doctor.schema.json")
	r := doctor.Judge(doctor.Facts{Audience: doctor.User, Socket: doctor.Socket{Path: "/x", Connection: doctor.ConnectionNoSocket, Failure: "x"}})
	if err := schemaValidate(t, s, r); err != nil || len(r.Findings) != 1 {
		t.Errorf("a report with %d findings: %v", len(r.Findings), err)
	}
	if err := schemaValidate(t, s, map[string]any{"reader": "user"}); err == nil {
		t.Error("a report without findings is taken")
	}
}

// openAPIOf returns the document as another reader sees it, and its schemas.
func openAPIOf(t *testing.T) (document object, schemas map[string]any) {
	t.Helper()
	files, err := apiSchemas()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(files["openapi.json"], &document); err != nil {
		t.Fatal(err)
	}
	return document, document["components"].(object)["schemas"].(object)
}

// Every schema and property has a description, and every description is of one.
func TestDescriptions(t *testing.T) {
	source, err := readConstants(top)
	if err != nil {
		t.Fatal(err)
	}
	set, err := newSchemaSet(source, "")
	if err != nil {
		t.Fatal(err)
	}
	set.of(reflect.TypeFor[doctor.Report]())
	_, schemas := openAPIOf(t)
	maps.Copy(schemas, set.schemas)
	for name, schema := range schemas {
		described := map[string]bool{".": true}
		properties, _ := schema.(object)["properties"].(object)
		for p := range properties {
			described[p] = true
		}
		for p := range described {
			if set.descriptions[name][p] == "" {
				t.Errorf("%s.%s has no description in descriptions.yaml", name, p)
			}
		}
		for p := range set.descriptions[name] {
			if !described[p] {
				t.Errorf("descriptions.yaml describes %s.%s, which does not exist", name, p)
			}
		}
	}
	for name := range set.descriptions {
		if schemas[name] == nil {
			t.Errorf("descriptions.yaml describes %s, which does not exist", name)
		}
	}
	for _, key := range slices.Concat(slices.Collect(maps.Keys(typedProperties)), slices.Collect(maps.Keys(listedProperties)), slices.Collect(maps.Keys(limits))) {
		name, property, _ := strings.Cut(key, ".")
		if set.descriptions[name][property] == "" {
			t.Errorf("%s does not exist", key)
		}
	}
}

// An object or a list of values that two places use is one schema.
func TestNoTypeTwice(t *testing.T) {
	document, schemas := openAPIOf(t)
	seen := map[string]string{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case object:
			if at != "examples" && (v["properties"] != nil || v["enum"] != nil) {
				type shape struct{ Properties, Enum any }
				key, err := json.Marshal(shape{v["properties"], v["enum"]})
				if err != nil {
					t.Fatal(err)
				}
				if was, ok := seen[string(key)]; ok && was != at {
					t.Errorf("%s is the same as %s", at, was)
				}
				seen[string(key)] = at
			}
			for name, part := range v {
				if name != "example" {
					walk(at+"/"+name, part)
				}
			}
		case []any:
			for i, part := range v {
				walk(fmt.Sprint(at, "/", i), part)
			}
		}
	}
	walk("", document)
	if len(schemas) < 40 || len(seen) < len(schemas) {
		t.Errorf("found %d schemas and %d types", len(schemas), len(seen))
	}
}

// Each operation has a name, a tag of the list, and texts.
func TestOperations(t *testing.T) {
	known, ids := map[string]bool{}, map[string]bool{}
	for _, tag := range tags {
		known[tag[0]] = true
	}
	for _, o := range operations {
		if ids[o.id] || !regexp.MustCompile(`^[a-z]+[A-Za-z]*$`).MatchString(o.id) {
			t.Errorf("%s %s: operationId %q", o.method, o.path, o.id)
		}
		ids[o.id] = true
		if !known[o.tag] || o.summary == "" || o.description == "" {
			t.Errorf("%s: tag %q, %q, %q", o.id, o.tag, o.summary, o.description)
		}
	}
}

// Each body has an example of ipc/PROTOCOL.md, and it is valid.
func TestExamplesAreValid(t *testing.T) {
	document, _ := openAPIOf(t)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	page, err := readProtocol()
	if err != nil {
		t.Fatal(err)
	}
	for name, example := range page.examples {
		s, err := c.Compile("openapi.json#/components/schemas/" + name)
		if err != nil {
			t.Errorf("the example %s: %v", name, err)
			continue
		}
		if err := s.Validate(example); err != nil {
			t.Errorf("the example %s: %v", name, err)
		}
	}
	text := string(encode(document))
	if got, want := strings.Count(text, `"example": {`), 17; got != want {
		t.Errorf("%d bodies have examples, want %d", got, want)
	}
}

// ipc/PROTOCOL.md names every value of these types.
func TestProtocolNamesValues(t *testing.T) {
	page, err := os.ReadFile(top + "/ipc/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, schemas := openAPIOf(t)
	for _, name := range []string{"ErrorCode", "Health", "InstanceState", "StoreState", "StoreVerb", "ServiceStage"} {
		values, _ := schemas[name].(object)["enum"].([]any)
		for _, v := range values {
			if !strings.Contains(string(page), fmt.Sprintf("`%s`", v)) {
				t.Errorf("PROTOCOL.md does not name %s of %s", v, name)
			}
		}
	}
}
