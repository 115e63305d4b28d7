package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"regent/agent/doctor"
	"regent/ipc/api"
)

// Schemas returns the schemas by the names of their files.
func Schemas() map[string][]byte {
	return map[string][]byte{
		"status.schema.json": schemaDocument("The answer of regent status --json and of GET /v1/status", reflect.TypeFor[api.Status]()),
		"doctor.schema.json": schemaDocument("The answer of regent doctor --json", reflect.TypeFor[doctor.Report]()),
		"openapi.json":       openAPI(),
	}
}

// object is a JSON object whose keys encoding/json sorts.
type object = map[string]any

func schemaDocument(title string, t reflect.Type) []byte {
	s := typeSchema(t)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = title
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("[unexpected] schema of %s: %v", t, err)) // it is maps, lists and words
	}
	return append(b, '\n')
}

// typeSchema is the schema of a type. Readers ignore what they do not know, so further
// fields are allowed: fields are only ever added.
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
