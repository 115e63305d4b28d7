package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"regent/agent/doctor"
	"regent/ipc/api"
)

// apiSchemas returns the schemas by the names of their files.
func apiSchemas() map[string][]byte {
	return map[string][]byte{
		"status.schema.json": schemaDocument("The answer of regent status --json and of GET /v1/status", reflect.TypeFor[api.Status]()),
		"doctor.schema.json": schemaDocument("The answer of regent doctor --json", reflect.TypeFor[doctor.Report]()),
		"openapi.json":       openAPI(),
	}
}

// object is a JSON object. encoding/json sorts its keys.
type object = map[string]any

const schemaDialect = "https://json-schema.org/draft/2020-12/schema"

func schemaDocument(title string, t reflect.Type) []byte {
	s := typeSchema(t)
	s["$schema"], s["title"] = schemaDialect, title
	return encode(s)
}

func encode(o object) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // patterns stay readable
	enc.SetIndent("", "  ")
	if err := enc.Encode(o); err != nil {
		panic(fmt.Sprintf("[unexpected] %v", err)) // it is maps, lists and words
	}
	return b.Bytes()
}

// typeSchema returns the schema of a type. It allows unknown fields: later versions add
// fields, and readers ignore those that they do not know.
func typeSchema(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Pointer:
		return typeSchema(t.Elem())
	case t.Kind() == reflect.Struct:
		return fields(t)
	case t.Kind() == reflect.Slice:
		return object{"type": "array", "items": typeSchema(t.Elem())}
	case t.Kind() == reflect.String:
		return object{"type": "string"}
	case t.Kind() == reflect.Bool:
		return object{"type": "boolean"}
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return object{"type": "integer"}
	}
	panic(fmt.Sprintf("[unexpected] %s has no schema", t)) // a test makes each
}

func fields(t reflect.Type) object {
	properties, required := object{}, []string{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		properties[name] = typeSchema(f.Type)
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	return object{"type": "object", "properties": properties, "required": required}
}

// operation is one call of the local interface.
type operation struct {
	method, path, does string
	query              []string // its parameters; one in front of "!" is required
	asks, answers      any      // nil is without a body
	media              string   // of the answer, if it is not JSON
}

// The methods, as OpenAPI spells them.
const get, post, del = "get", "post", "delete"

// operations returns the calls of the interface. A test compares them with the server.
func operations() []operation {
	return []operation{
		{post, api.PathToken, "Lease an instance and get its access token", nil, api.TokenRequest{}, api.Token{}, ""},
		{del, api.PathLease, "Give a lease back early", nil, nil, nil, ""},
		{post, api.PathInvalidate, "Say that Cloud LM refused the token, and wait for another", nil, api.InvalidateRequest{}, nil, ""},
		{get, api.PathWatch, "Server-sent events: what each instance is, then every change", []string{"application!"}, nil, "", api.EventType},
		{get, api.PathExplain, "Which rule decides about a process (administrators)", []string{"pid!", "application!"}, nil, api.Explanation{}, ""},
		{get, api.PathStatus, "What is", nil, nil, api.Status{}, ""},
		{post, api.PathRegistration, "Bring a registration token (administrators)", nil, api.RegistrationRequest{}, api.Registration{}, ""},
		{del, api.PathRegistration, "Wipe every token and the data key (administrators)", nil, nil, api.Store{}, ""},
		{post, api.PathRedeem, "Ask for another redemption, which costs a count (administrators)", nil, nil, nil, ""},
		{del, api.PathInstance, "Wipe the auth token of an instance (administrators)", nil, nil, nil, ""},
		{post, api.PathReload, "Read the configuration again (administrators)", nil, nil, nil, ""},
		{get, api.PathPolicy, "What configuration is in force, and why (administrators)", nil, nil, api.Policy{}, ""},
		{get, api.PathLedger, "The account of every redemption (administrators)", []string{"verify"}, nil, api.Ledger{}, ""},
		{post, api.PathResolve, "Decide an uncertain redemption (administrators)", nil, api.Resolution{}, nil, ""},
		{get, api.PathStore, "How the store is (administrators)", nil, nil, api.Store{}, ""},
		{post, api.PathStoreVerb, "What may be done with the store, or doing it (administrators)", nil, api.StoreRequest{}, api.Store{}, ""},
		{get, api.PathDiagnosis, "What only the daemon sees of what may be wrong (administrators)", nil, nil, api.Diagnosis{}, ""},
		{get, api.PathMetrics, "The daemon in Prometheus' text format (administrators)", nil, nil, "", api.MetricsType},
		{get, api.PathContract, "What the tenant was seen to do where its contract leaves it open (administrators)", nil, nil, api.Contract{}, ""},
	}
}

// openAPI returns the interface as an OpenAPI document.
func openAPI() []byte {
	paths, schemas := object{}, object{}
	problem := object{
		"description": "An error: act on its code",
		"content":     object{api.ProblemType: object{"schema": schemaRef(schemas, api.Problem{})}},
	}
	for _, o := range operations() {
		if paths[o.path] == nil {
			paths[o.path] = object{}
		}
		paths[o.path].(object)[o.method] = o.describe(schemas)
	}
	return encode(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Regent's local interface", "version": "1",
			"description": "HTTP/1.1 over the Unix socket /run/regent/agent.sock or the named pipe \\\\.\\pipe\\regent. PROTOCOL.md, beside this file, has the rest.",
		},
		"servers":    []object{{"url": "http://regent", "description": "the host's name stands for the socket"}},
		"paths":      paths,
		"components": object{"schemas": schemas, "responses": object{"Problem": problem}},
	})
}

func (o operation) describe(schemas object) object {
	d := object{"summary": o.does, "responses": object{"default": object{"$ref": "#/components/responses/Problem"}}}
	if p := o.parameters(); len(p) > 0 {
		d["parameters"] = p
	}
	if o.asks != nil {
		d["requestBody"] = object{
			"required": o.path != api.PathInvalidate,
			"content":  object{api.ContentType: object{"schema": schemaRef(schemas, o.asks)}},
		}
	}
	responses := d["responses"].(object)
	switch {
	case o.answers == nil:
		responses["204"] = object{"description": "Done"}
	case o.media != "":
		responses["200"] = object{"description": o.does, "content": object{o.media: object{"schema": object{"type": "string"}}}}
	default:
		responses["200"] = object{"description": o.does, "content": object{api.ContentType: object{"schema": schemaRef(schemas, o.answers)}}}
	}
	return d
}

// parameters returns the parameters of the path, then those of the query.
func (o operation) parameters() (all []object) {
	for part := range strings.SplitSeq(o.path, "/") {
		if strings.HasPrefix(part, "{") {
			all = append(all, object{"name": strings.Trim(part, "{}"), "in": "path", "required": true, "schema": object{"type": "string"}})
		}
	}
	for _, q := range o.query {
		name, required := strings.CutSuffix(q, "!")
		all = append(all, object{"name": name, "in": "query", "required": required, "schema": object{"type": "string"}})
	}
	return all
}

// schemaRef adds the schema of v's type to schemas, and returns a reference to it.
func schemaRef(schemas object, v any) object {
	t := reflect.TypeOf(v)
	schemas[t.Name()] = typeSchema(t)
	return object{"$ref": "#/components/schemas/" + t.Name()}
}
