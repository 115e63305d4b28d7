package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"regent/agent/doctor"
	"regent/agent/status"
)

func compiled(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(apiSchemas()[name]))
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
		Version: "1", StartedAt: now, Now: now, CanServeUntil: &now, Counts: &status.Counts{},
		Tenants: []status.Tenant{{Host: "h", RegistrationToken: &status.RegistrationToken{}, LastFault: &status.Fault{}}},
		Applications: []status.Application{{Instances: []status.Instance{
			{Holder: &status.Holder{}, ExpiresAt: &now, NextRefresh: &now, LastFault: &status.Fault{}},
		}}},
		Problems: []status.Problem{{}},
	}
	if err := schemaValidate(t, s, whole); err != nil {
		t.Errorf("a whole status: %v", err)
	}
	for name, bad := range map[string]any{
		"without a version":        map[string]any{"health": "serving"},
		"with a number for a word": map[string]any{"version": 1},
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
