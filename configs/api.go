package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"regent/agent/doctor"
	"regent/ipc/api"
)

// top is the top of the repository, from the folder of this program.
const top = ".."

// apiSchemas returns the schemas by the names of their files.
func apiSchemas() (map[string][]byte, error) {
	source, err := readConstants(top)
	if err != nil {
		return nil, err
	}
	page, err := readProtocol()
	if err != nil {
		return nil, err
	}
	for i, k := range source["fault.Kind"] {
		source["fault.Kind"][i].comment = page.codes[k.value].meaning
	}
	document, err := openAPI(source, page)
	if err != nil {
		return nil, err
	}
	state, err := schemaDocument(source, "The answer of regent status --json and of GET /v1/status", reflect.TypeFor[api.Status]())
	if err != nil {
		return nil, err
	}
	report, err := schemaDocument(source, "The answer of regent doctor --json", reflect.TypeFor[doctor.Report]())
	return map[string][]byte{"status.schema.json": encode(state), "doctor.schema.json": encode(report), "openapi.json": encode(document)}, err
}

// object is a JSON object. encoding/json sorts its keys.
type object = map[string]any

const schemaDialect = "https://json-schema.org/draft/2020-12/schema"

func schemaDocument(source constants, title string, t reflect.Type) (object, error) {
	s, err := newSchemaSet(source, fileSchemas)
	if err != nil {
		return nil, err
	}
	o := s.of(t)
	o["$schema"], o["title"], o["$defs"] = schemaDialect, title, s.schemas
	return o, nil
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
