package emulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// Dialect is how the service writes replies and reads requests. No real tenant was
// available: the dialects are INVENTED after the contract's tags F and A.
type Dialect string

// The dialects.
const (
	Family Dialect = "family" // F: as the calls next door of the same API
	First  Dialect = "first"  // A: as the first edition of the contract assumed
)

// Dialects returns all dialects, the default first. Tests that run against each
// dialect range over it.
func Dialects() []Dialect { return []Dialect{Family, First} }

// words are the names in which the dialects differ.
type words struct {
	state, enable, disable string // the member of a registration token, and its two values
	starts                 []string
	page, maxPage          int // rows of a page that was asked for without a size, and at most
	shape                  string
}

// words returns the names of a dialect. The family's page is shorter than most
// lists of a test, so that tests meet more than one page. The length is INVENTED.
func (d Dialect) words() words {
	if d == First {
		return words{"status", enabled, disabled, []string{"pageStart", "pageStartIndex"}, 100, 1000, "message"}
	}
	return words{"state", "ENABLE", "DISABLE", []string{"pageStartIndex"}, 2, 2, "errorCode"}
}

// time has no seconds and no zone in the family. It is UTC here; a real tenant's
// zone is not known.
func (d Dialect) time(t time.Time) any {
	if d == First {
		return t
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// registration is a registration token as the dialect writes it. First writes it
// as the data file has it.
func (d Dialect) registration(r registration) any {
	if d == First {
		return r
	}
	w := d.words()
	word := w.enable
	if r.Status == disabled {
		word = w.disable
	}
	return members(r, map[string]any{
		"status": nil, w.state: word, "customer": r.Customer.object(), "creationDate": d.time(r.CreationDate),
		"expirationDate": map[string]any{"neverExpires": false, "endDate": r.ExpirationDate},
	})
}

// authToken is an auth token as the dialect shows it to the administrator.
func (d Dialect) authToken(a authToken) any {
	if d == First {
		return a
	}
	return members(a, map[string]any{
		"registrationToken": withoutEmpty(map[string]any{"id": a.registrationID, "identifier": a.RegistrationToken}),
		"creationDate":      d.time(a.CreationDate),
	})
}

// members are those of v that are not empty, some of them otherwise.
func members(v any, otherwise map[string]any) map[string]any {
	var all map[string]any
	b, _ := json.Marshal(v)     // our own type, which always marshals
	_ = json.Unmarshal(b, &all) // and is an object
	maps.Copy(all, otherwise)
	return withoutEmpty(all)
}

func withoutEmpty(members map[string]any) map[string]any {
	for name, v := range members {
		if v == "" || v == nil {
			delete(members, name)
		}
	}
	return members
}

// stateOf reads a word for enabled or disabled: any dialect's, or this one's alone.
func (d Dialect) stateOf(word string, anyWord bool) (string, error) {
	for _, one := range Dialects() {
		if w := one.words(); anyWord || one == d {
			switch word {
			case w.enable:
				return enabled, nil
			case w.disable:
				return disabled, nil
			}
		}
	}
	w := d.words()
	return "", invalidField(w.state, "must be "+w.enable+" or "+w.disable)
}

// RequestBody says which form of a request's body the service takes: the family's
// is wrapped in a member such as authToken, the first dialect's is bare.
type RequestBody string

// The treatment of a body in the other dialect's form. All are INVENTED.
const (
	BodyStrict  RequestBody = "strict"  // 400
	BodyLenient RequestBody = "lenient" // taken, and its content is ignored
	BodyEither  RequestBody = "either"  // read, whatever its form
)

// unwrapped returns the object that a body has in the member wrapper, if that is
// all it has.
func unwrapped(body []byte, wrapper string) (inner []byte, ok bool) {
	var outer map[string]json.RawMessage
	if json.Unmarshal(body, &outer) != nil || len(outer) != 1 {
		return nil, false
	}
	inner = bytes.TrimSpace(outer[wrapper])
	return inner, len(inner) > 0 && inner[0] == '{'
}

// emptyMember returns a member that the family would have left out: an empty text.
func emptyMember(body []byte) (name string, found bool) {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(body, &members) // only an object has members
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if string(members[name]) == `""` {
			return name, true
		}
	}
	return "", false
}

// reference names another thing: {"id":…} or {"name":…} in the family, a text in
// the first dialect and in the data file.
type reference struct {
	ID, Name string
	text     bool // it was read as a text
}

func (r reference) object() any {
	if r.ID == "" && r.Name == "" {
		return nil
	}
	return withoutEmpty(map[string]any{"id": r.ID, "name": r.Name})
}

// MarshalJSON implements [json.Marshaler].
func (r reference) MarshalJSON() ([]byte, error) {
	if r.ID == "" {
		return json.Marshal(r.Name)
	}
	return json.Marshal(r.object())
}

// UnmarshalJSON implements [json.Unmarshaler].
func (r *reference) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &r.Name) == nil {
		r.text = true
		return nil
	}
	var o struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	if err := decodeStrict(b, &o); err != nil {
		return err
	}
	*r = reference{ID: o.ID, Name: o.Name}
	return nil
}

// expiry is a date, or {"neverExpires":false,"endDate":"2026-12-31"}.
type expiry string

// UnmarshalJSON implements [json.Unmarshaler].
func (e *expiry) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, (*string)(e)) == nil {
		return nil
	}
	var o struct {
		NeverExpires bool   `json:"neverExpires"`
		EndDate      string `json:"endDate"`
	}
	if err := decodeStrict(b, &o); err != nil {
		return err
	}
	if *e = expiry(o.EndDate); o.NeverExpires {
		*e = "" // no date is one that is refused
	}
	return nil
}

// ErrorRotate takes the next of ErrorShapes for each error.
const ErrorRotate = "rotate"

// errorShapes are the bodies that an error of the service may have, with CODE and TEXT
// in place of its code and its message. That it has both is documented; the members are
// INVENTED after the contract.
var errorShapes = []struct{ name, body string }{
	{"errorCode", `{"errorCode":CODE,"errorMessage":TEXT}`},
	{"code", `{"code":CODE,"message":TEXT}`},
	{"error", `{"error":{"code":CODE,"message":TEXT}}`},
	{"errors_error", `{"errors":{"error":[{"code":CODE,"message":TEXT}]}}`},
	{"errors", `{"errors":[{"code":CODE,"message":TEXT}]}`},
	{"oauth", `{"error":CODE,"error_description":TEXT}`},
	{"message", `{"errorCode":CODE,"message":TEXT}`},
}

// ErrorShapes returns the words that Knobs.ErrorShape may be, beside [ErrorRotate].
func ErrorShapes() []string {
	var names []string
	for _, s := range errorShapes {
		names = append(names, s.name)
	}
	return names
}

// shaped gives an error of the service its body.
func (e *Emulator) shaped(k Knobs, body any) any {
	r, ok := body.(*refusal)
	if !ok {
		return body
	}
	i := slices.Index(ErrorShapes(), cmp.Or(k.ErrorShape, k.Dialect.words().shape))
	if k.ErrorShape == ErrorRotate {
		e.mu.Lock()
		i = e.errors % len(errorShapes)
		e.errors++
		e.mu.Unlock()
	}
	code, _ := json.Marshal(r.Code) // a text always marshals
	text, _ := json.Marshal(r.Message)
	return json.RawMessage(strings.NewReplacer("CODE", string(code), "TEXT", string(text)).Replace(errorShapes[i].body))
}
