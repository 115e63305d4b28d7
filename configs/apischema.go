package main

import (
	_ "embed"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"regent/agent/status"
	"regent/agent/tms/contract"
	"regent/agent/token"
	"regent/ipc/api"
)

// schemaNames are the names of schemas with a Go name that says too little, or is used twice.
var schemaNames = map[string]string{
	"admin.Verb":     "StoreVerb",
	"contract.Block": "TenantContract", "contract.Fit": "YesNoUnknown", "contract.Form": "ContractForm", "contract.ID": "ContractRow",
	"doctor.Audience": "Reader", "doctor.Daemon": "Diagnosis", "doctor.RegistrationToken": "StoredRegistrationToken",
	"fault.Kind": "ErrorCode", "fault.Stage": "ServiceStage",
	"status.Problem": "ConfigurationProblem", "status.Store": "StoreStatus", "status.StoreReport": "Store",
	"store.State": "StoreState", "tms.Proof": "RequestProof", "token.State": "InstanceState",
}

// typedProperties are strings in Go with the values of a type.
var typedProperties = map[string]string{
	"Diagnosis.unusable": "fault.Kind", "Event.state": "token.State", "Fault.code": "fault.Kind", "StoredRegistrationToken.refused": "fault.Kind",
	"Instance.state": "token.State", "LedgerEntry.form": "redeem.BodyForm", "PolicyKey.level": "policy.PolicyLevel", "PolicyValue.level": "policy.PolicyLevel",
	"Problem.code": "fault.Kind", "RequestForm.form": "redeem.BodyForm", "RequestForm.proof": "tms.Proof",
	"Store.state": "store.State", "StoreOperation.verb": "admin.Verb", "StoreStatus.state": "store.State", "StoreStep.state": "store.State",
	"Tenant.reachable": "contract.Fit",
}

// listedTypes are types of the wire that Go has as plain strings.
var listedTypes = map[string][]string{
	"policy.PolicyLevel": {"default", "local", "drop-in", "managed"},
	"redeem.BodyForm":    {"wrapped", "bare"},
}

// listedProperties are strings with these values.
var listedProperties = map[string][]string{
	"PolicyKey.status": {api.PolicyStateOK, api.PolicyStateProblem, api.PolicyStateWaiting},
	"Problem.type":     {"about:blank"},
	"Refresh.mode":     {contract.ModeOIDC, contract.ModeTMS, contract.ModeTMSRegistration},
	"Store.binding":    {"same", "bind", "rebind", "quarantine", "off"},
	"Store.ledger":     {"ok", "altered", "unknown"},
	"Token.token_type": {"Bearer"},
}

// limits are the largest values of request properties. The smallest is 0. A test asks the
// server.
var limits = map[string]int{"TokenRequest.min_ttl": 31536000, "TokenRequest.wait": 3600, "RegistrationRequest.wait": 3600}

// unknownText describes [status.Unknown], which is no state of package token.
const unknownText = "the store cannot be used"

//go:embed descriptions.yaml
var descriptionText []byte

// schemaSet collects schemas, each once, by name. It allows unknown properties: later
// versions add some, and readers ignore those that they do not know.
type schemaSet struct {
	prefix       string // of a reference
	constants    constants
	descriptions map[string]map[string]string
	schemas      object
	goNames      map[string]string // of the schemas
}

// fileSchemas is the prefix of references in the schema of one answer.
const fileSchemas = "#/$defs/"

func newSchemaSet(c constants, prefix string) (*schemaSet, error) {
	s := &schemaSet{prefix: prefix, constants: c, schemas: object{}, goNames: map[string]string{}}
	return s, yaml.Unmarshal(descriptionText, &s.descriptions)
}

// of returns the schema of a type: a reference for a struct, and for a string with
// constants.
func (s *schemaSet) of(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Pointer:
		return s.of(t.Elem())
	case t.Kind() == reflect.Struct:
		return s.ref(goName(t), func(name string) object { return s.structure(name, t) })
	case t.Kind() == reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case t.Kind() == reflect.String && len(s.constants[goName(t)]) > 0:
		return s.enum(goName(t))
	case t.Kind() == reflect.String:
		return object{"type": "string"}
	case t.Kind() == reflect.Bool:
		return object{"type": "boolean"}
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return object{"type": "integer"}
	}
	panic(fmt.Sprintf("[unexpected] %s has no schema", t)) // a test makes each
}

func goName(t reflect.Type) string { return path.Base(t.PkgPath()) + "." + t.Name() }

// ref adds a schema if it is new, and returns a reference to it.
func (s *schemaSet) ref(goName string, build func(name string) object) object {
	name, renamed := schemaNames[goName]
	if !renamed {
		_, name, _ = strings.Cut(goName, ".")
	}
	if was, ok := s.goNames[name]; !ok {
		s.goNames[name] = goName
		s.schemas[name] = build(name)
	} else if was != goName {
		panic(fmt.Sprintf("[unexpected] %s and %s have the name %s", was, goName, name)) // a test makes each
	}
	return object{"$ref": s.prefix + name}
}

// enum returns a reference to the values of a Go type.
func (s *schemaSet) enum(goName string) object {
	return s.ref(goName, func(name string) object {
		all := s.constants[goName]
		if goName == "token.State" {
			if s.prefix == fileSchemas { // a status has no removed instance
				all = slices.DeleteFunc(slices.Clone(all), func(c constant) bool { return c.value == string(token.Removed) })
			}
			all = append(slices.Clip(all), constant{status.Unknown, unknownText})
		}
		values, text := []string{}, s.descriptions[name]["."]+"\n"
		for _, v := range all {
			values = append(values, v.value)
			if text += "\n- `" + v.value + "`"; v.comment != "" {
				text += ": " + v.comment
			}
		}
		return object{"type": "string", "enum": values, "description": text}
	})
}

func (s *schemaSet) structure(schema string, t reflect.Type) object {
	properties, required := object{}, []string{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		properties[name] = s.property(schema, name, f.Type)
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	o := object{"type": "object", "description": s.descriptions[schema]["."], "properties": properties}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// property returns the schema of a property with its description.
func (s *schemaSet) property(schema, name string, t reflect.Type) object {
	key, o := schema+"."+name, s.of(t)
	if of, ok := typedProperties[key]; ok {
		o = s.enum(of)
	}
	if values := listedProperties[key]; len(values) == 1 {
		o["const"] = values[0]
	} else if len(values) > 1 {
		o["enum"] = values
	}
	if most, ok := limits[key]; ok {
		o["minimum"], o["maximum"] = 0, most
	}
	o["description"] = s.descriptions[schema][name]
	return o
}
