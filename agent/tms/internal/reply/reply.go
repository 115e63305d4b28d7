// Package reply reads the service's JSON, whose exact shape nobody has
// published: members under one of several names, wrapped or bare, numbers that
// may be strings. It says what it looked for when it finds nothing, and never
// quotes what it read, which may be a secret. It must not know what the members
// mean or over which connection they came.
package reply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxDepth bounds how deep First descends: the cost of a hostile body is
// bounded by it and by the body's size.
const maxDepth = 16

// longest is what a longer span becomes: ten years are as good as for ever, and
// far from what overflows a time.Duration.
const longest = 10 * 365 * 24 * time.Hour

// Object is a JSON object whose members are not yet read.
// Names are compared exactly; of equal names the last one counts.
type Object map[string]json.RawMessage

// Parse reads body as one object. If it has a member called wrapper that is an
// object, that one is returned.
func Parse(body []byte, wrapper string) (Object, error) {
	o, err := object(body)
	if err != nil {
		return nil, err
	}
	if inner, err := object(o[wrapper]); err == nil {
		return inner, nil
	}
	return o, nil
}

// ParseList reads body as an array of objects, or as an object that has one
// under name. total is the object's member totalName, or -1 if it has none.
func ParseList(body []byte, name, totalName string) (list []Object, total int, err error) {
	total = -1
	raw := json.RawMessage(body)
	if o, err := object(body); err == nil {
		if raw = o[name]; raw == nil {
			return nil, 0, fmt.Errorf("no %s in the answer", name)
		}
		if n, ok, err := o.Int(totalName); err != nil {
			return nil, 0, err
		} else if ok {
			total = n
		}
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, 0, fmt.Errorf("%s is no JSON array", name)
	}
	for i, item := range items {
		o, err := object(item)
		if err != nil {
			return nil, 0, fmt.Errorf("%s[%d]: %w", name, i, err)
		}
		list = append(list, o)
	}
	return list, total, nil
}

func object(raw []byte) (Object, error) {
	var o Object
	if err := json.Unmarshal(raw, &o); err != nil || o == nil {
		return nil, errors.New("no JSON object")
	}
	return o, nil
}

// First returns the first object of body, at any depth down to a bound, arrays
// included, that has a member called name. An object comes before those in it.
func First(body []byte, name string) (Object, error) {
	if !json.Valid(body) {
		return nil, errors.New("no JSON")
	}
	if o := first(body, name, 0); o != nil {
		return o, nil
	}
	return nil, fmt.Errorf("no object with %s in the answer, down to %d levels", name, maxDepth)
}

func first(raw json.RawMessage, name string, depth int) Object {
	if depth >= maxDepth {
		return nil
	}
	if o, err := object(raw); err == nil && o[name] != nil {
		return o
	}
	for _, child := range children(raw) {
		if o := first(child, name, depth+1); o != nil {
			return o
		}
	}
	return nil
}

// children returns the values inside an object or array, in the order of the
// document, which a map would lose. raw is valid JSON.
func children(raw json.RawMessage) []json.RawMessage {
	d := json.NewDecoder(bytes.NewReader(raw))
	open, err := d.Token()
	if err != nil || (open != json.Delim('{') && open != json.Delim('[')) {
		return nil
	}
	var found []json.RawMessage
	for d.More() {
		if open == json.Delim('{') {
			if _, err := d.Token(); err != nil { // the member's name
				return found
			}
		}
		var child json.RawMessage
		if err := d.Decode(&child); err != nil {
			return found
		}
		found = append(found, child)
	}
	return found
}

// Text returns the first of the named members that is a string and not empty,
// or "".
func (o Object) Text(names ...string) string {
	for _, name := range names {
		var s string
		if json.Unmarshal(o[name], &s) == nil && s != "" {
			return s
		}
	}
	return ""
}

// ID returns the named member, which may be a string or a number, as a string;
// "" if it is neither.
func (o Object) ID(name string) string {
	if s := o.Text(name); s != "" {
		return s
	}
	var n json.Number
	if json.Unmarshal(o[name], &n) != nil {
		return ""
	}
	return n.String()
}

// Int returns the named member as a whole number, and whether it is there.
func (o Object) Int(name string) (n int, ok bool, err error) {
	f, ok, err := o.Number(name)
	if err != nil || !ok {
		return 0, false, err
	}
	if f != math.Trunc(f) || math.Abs(f) > math.MaxInt32 {
		return 0, false, fmt.Errorf("%s is no whole number, or out of bounds", name)
	}
	return int(f), true, nil
}

// Seconds returns the named member, a number of seconds, and whether it is
// there. What is longer than ten years, in either direction, becomes ten years.
func (o Object) Seconds(name string) (d time.Duration, ok bool, err error) {
	f, ok, err := o.Number(name)
	if err != nil || !ok {
		return 0, false, err
	}
	return Span(f), true, nil
}

// Span converts seconds, as Seconds does.
func Span(seconds float64) time.Duration {
	switch bound := longest.Seconds(); {
	case seconds >= bound:
		return longest
	case seconds <= -bound:
		return -longest
	}
	return time.Duration(seconds * float64(time.Second))
}

// Number returns the named member as a number, which may be infinite, and
// whether it is there. A string of a number counts as one; null is not there.
func (o Object) Number(name string) (f float64, ok bool, err error) {
	raw := strings.TrimSpace(string(o[name]))
	if raw == "" || raw == "null" {
		return 0, false, nil
	}
	var n json.Number
	if err := json.Unmarshal(o[name], &n); err != nil {
		return 0, false, fmt.Errorf("%s is no number", name)
	}
	f, err = strconv.ParseFloat(n.String(), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(f) {
		return 0, false, fmt.Errorf("%s is no number", name)
	}
	return f, true, nil
}
