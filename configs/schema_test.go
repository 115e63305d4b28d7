package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"regent/agent/policy"
)

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(read(t, "regent.schema.json")))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("urn:regent:config", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("urn:regent:config")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func schemaKeys(t *testing.T) []string {
	type node struct {
		Title      string
		Properties map[string]json.RawMessage
		Items      json.RawMessage
	}
	var keys []string
	var walk func(key string, raw json.RawMessage)
	walk = func(key string, raw json.RawMessage) {
		var n node
		if err := json.Unmarshal(raw, &n); err != nil {
			t.Fatal(err)
		}
		if key != "" && n.Title != "" {
			keys = append(keys, key)
		}
		for name, child := range n.Properties {
			walk(strings.TrimPrefix(key+"."+name, "."), child)
		}
		if n.Items != nil {
			walk(key+".*", n.Items)
		}
	}
	walk("", read(t, "regent.schema.json"))
	return keys
}

func validate(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s.Validate(v)
}

func TestSchemaAcceptsTheDefaultFile(t *testing.T) {
	s := schema(t)
	for name, text := range map[string]string{"as it is": embedded, "uncommented": uncommented()} {
		if err := validate(t, s, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchemaRefuses changes one thing of a good file at a time. What an editor
// marks, regentd refuses too.
func TestSchemaRefuses(t *testing.T) {
	const good = `
tenant: https://demo-host.com/
registration_token_file: /etc/regent/registration-token
keep_registration_token: false
applications:
  - id: cad
    instances: 2
    redeem: eager
    allow:
      - users: [alice, 1000]
        groups: [engineering]
        executables: [{path: /opt/cad/bin/cad, sha256: ""}]
        units: [cad-render.service]
        signers: ['O=Example GmbH, C=DE', "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]
network: {proxy: none, ca_file: /etc/regent/ca.pem, timeout: 30s}
refresh: {mode: oidc, on_refresh_expired: wait}
store: {keyring: auto, on_clone: quarantine}
limits: {redeem_uncertain_retries: 1, redeem_splay: 2s}
audit: best_effort
log: {level: info, format: text}
`
	mutations := []struct{ old, new string }{
		{"tenant: https://demo-host.com/", "tenent: https://demo-host.com/"},
		{"https://demo-host.com/", "ftp://demo-host.com/"},
		{"https://demo-host.com/", "https://alice@demo-host.com/"},
		{"https://demo-host.com/", "[https://demo-host.com/]"},
		{"/etc/regent/registration-token", "registration-token"},
		{"/etc/regent/registration-token", "//server/share"},
		{"keep_registration_token: false", "keep_registration_token: 'no'"},
		{"keep_registration_token: false", "registration_token: abc"},
		{"'O=Example GmbH, C=DE'", "Example GmbH"},
		{"sha256:0123", "sha256:123"},
		{"- id: cad", "- name: cad"},
		{"id: cad", "id: CAD"},
		{"instances: 2", "instances: 0"},
		{"instances: 2", "instances: 10001"},
		{"instances: 2", "instances: two"},
		{"redeem: eager", "redeem: soon"},
		{"users: [alice, 1000]", "users: []"},
		{"users: [alice, 1000]", "users: alice"},
		{"users: [alice, 1000]", "everyone: true"},
		{"groups: [engineering]", "group: [engineering]"},
		{"path: /opt/cad/bin/cad", "path: cad"},
		{"path: /opt/cad/bin/cad, ", ""},
		{`sha256: ""`, "sha256: abc"},
		{"cad-render.service", "cad-render"},
		{"proxy: none", "proxy: http://alice:secret@proxy:3128"},
		{"proxy: none", "proxy: direct"},
		{"timeout: 30s", "timeout: 30"},
		{"timeout: 30s", "timeout: 30 seconds"},
		{"mode: oidc", "mode: OIDC"},
		{"on_refresh_expired: wait", "on_refresh_expired: retry"},
		{"keyring: auto", "keyring: true"},
		{"redeem_uncertain_retries: 1", "redeem_uncertain_retries: 6"},
		{"redeem_uncertain_retries: 1", "redeem_uncertain_retries: 1.5"},
		{"audit: best_effort", "audit: {mode: required}"},
		{"level: info", "level: verbose"},
		{"log: {", "logs: {"},
	}
	if len(mutations) < 30 {
		t.Fatalf("only %d mutations", len(mutations))
	}
	s := schema(t)
	if err := validate(t, s, good); err != nil {
		t.Fatalf("the good file: %v", err)
	}
	for _, m := range mutations {
		text := strings.Replace(good, m.old, m.new, 1)
		if text == good {
			t.Errorf("%q is not in the good file", m.old)
		}
		if validate(t, s, text) == nil {
			t.Errorf("accepted with %q", m.new)
		}
		layer := policy.Layer{Name: "config.yaml", Rank: policy.Local, Data: []byte(text)}
		if _, problems := policy.Resolve(layer); policy.Fatal(problems) == nil {
			t.Errorf("regentd accepts %q, so an editor should", m.new)
		}
	}
	t.Logf("%d mutated files refused", len(mutations))
}
