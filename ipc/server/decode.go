package server

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	"regent/agent/fault"
)

// readBody decodes the body of a request.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, into any) error {
	b := s.getBuffer()
	defer s.putBuffer(b)
	if err := readAll(w, r, b); err != nil {
		return err
	}
	return decodeFault(b.Bytes(), into)
}

// decodeFault is decode, with its errors as faults.
func decodeFault(b []byte, into any) error {
	if err := decodeStrict(b, into); err != nil {
		return fault.Errorf("read request", fault.InvalidRequest, "the body is not the JSON object of this call: %v; see PROTOCOL.md, which is beside the guides", err)
	}
	return nil
}

// decodeStrict decodes exactly one JSON object. It refuses fields that into does not have
// by their exact name, and duplicate fields. Its errors are texts for the caller, without
// values of the body.
func decodeStrict(b []byte, into any) error {
	if err := checkFields(b, reflect.TypeOf(into).Elem()); err != nil {
		return err
	}
	err := json.Unmarshal(b, into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s is a JSON %s, but must be %s", wrong.Field, strings.Fields(wrong.Value)[0], cmp.Or(kindTexts[wrong.Type.Kind()], wrong.Type.String()))
	}
	return trimJSONPrefix(err)
}

// checkFields checks the names of the object, since json.Unmarshal accepts any case and
// duplicates.
func checkFields(b []byte, t reflect.Type) error {
	d := json.NewDecoder(bytes.NewReader(b))
	first, err := d.Token()
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("it is empty")
	case err != nil:
		return trimJSONPrefix(err)
	case first != json.Delim('{'):
		return errors.New("it is not an object in { }")
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return trimJSONPrefix(err)
		}
		field, _ := name.(string)
		if !hasField(t, field) {
			return fmt.Errorf("unknown field %.40q", field)
		}
		if seen[field] {
			return fmt.Errorf("%s is duplicate", field)
		}
		seen[field] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return trimJSONPrefix(err)
		}
	}
	return nil // json.Unmarshal checks the end
}

func hasField(t reflect.Type, name string) bool {
	for f := range t.Fields() {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == name {
			return true
		}
	}
	return false
}

// kindTexts describe the expected value of a field.
var kindTexts = map[reflect.Kind]string{
	reflect.String: "text in quotes",
	reflect.Bool:   "true or false",
	reflect.Int64:  "a whole number",
}

// trimJSONPrefix removes the prefix of encoding/json from an error.
func trimJSONPrefix(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}
