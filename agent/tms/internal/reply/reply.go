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
	"maps"
	"math"
	"slices"
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

// List says by which names a reply has a list.
type List struct {
	Member string // "authTokens": an array of objects, or an object that has one
	Inner  string // "authToken": the array's name in that object
	Total  string // "totalCount": the number of all rows, in that object or beside it
	Count  string // "count": a number of rows, perhaps only of this page
}

// Total is how many rows there are.
type Total struct {
	N   int  // -1 if the reply does not say
	All bool // N is of all pages; else perhaps of this one
}

// Parse reads a list as any dialect has it: a bare array, an array under Member, or
// one under Inner in the object Member, where the array is missing when it is empty.
// One object in place of the array is a list of one.
func (l List) Parse(body []byte) (list []Object, total Total, err error) {
	raw, total, err := l.find(body)
	if err != nil || raw == nil {
		total.All = total.All || total.N > 0
		return nil, total, err
	}
	if one, err := object(raw); err == nil {
		return []Object{one}, total, nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, total, fmt.Errorf("%s is no JSON array", l.Member)
	}
	for i, item := range items {
		o, err := object(item)
		if err != nil {
			return nil, total, fmt.Errorf("%s[%d]: %w", l.Member, i, err)
		}
		list = append(list, o)
	}
	total.All = total.All || total.N > len(list)
	return list, total, nil
}

// find returns the array of the rows, nil if there is none because it is empty.
func (l List) find(body []byte) (raw json.RawMessage, total Total, err error) {
	total.N = -1
	outer, err := object(body)
	if err != nil {
		return body, total, nil //nolint:nilerr // it is an array, or Parse says that it is none
	}
	if outer[l.Member] == nil && outer[l.Inner] == nil {
		if outer, err = First(body, l.Member); err != nil {
			return nil, total, fmt.Errorf("no %s in the answer", l.Member)
		}
	}
	if total, err = l.total(outer, total); err != nil {
		return nil, total, err
	}
	if outer[l.Member] == nil {
		return outer[l.Inner], total, nil
	}
	inner, err := object(outer[l.Member])
	if err != nil {
		if string(outer[l.Member]) == "null" && total.N <= 0 {
			return nil, total, nil
		}
		return outer[l.Member], total, nil
	}
	if total, err = l.total(inner, total); err != nil {
		return nil, total, err
	}
	rows := inner[l.Inner]
	switch {
	case rows != nil && string(rows) != "null":
		return rows, total, nil
	case total.N < 0:
		return nil, total, fmt.Errorf("%s is no JSON array, and has no %s", l.Member, l.Inner)
	}
	return nil, total, nil // beyond the last row, or there is none
}

// total is what o says, else what was known before.
func (l List) total(o Object, before Total) (Total, error) {
	for _, name := range []string{l.Total, l.Count} {
		if n, ok, err := o.Int(name); ok || err != nil {
			return Total{n, name == l.Total}, err
		}
	}
	return before, nil
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

// Only returns the one text that members called name have in body, at any depth down
// to a bound, and "" if there is none, or if there are several.
func Only(body []byte, name string) string {
	found := map[string]bool{}
	texts(body, name, 0, found)
	if len(found) != 1 {
		return ""
	}
	return slices.Collect(maps.Keys(found))[0]
}

func texts(raw json.RawMessage, name string, depth int, found map[string]bool) {
	if depth >= maxDepth {
		return
	}
	if o, err := object(raw); err == nil && o.Text(name) != "" {
		found[o.Text(name)] = true
	}
	for _, child := range children(raw) {
		texts(child, name, depth+1, found)
	}
}

// Holders returns the objects of body, at any depth down to a bound, arrays included,
// that have a string that is not empty by one of the names; at most two, since a second
// one already makes it unclear which is meant.
func Holders(body []byte, names ...string) []Object {
	if !json.Valid(body) {
		return nil
	}
	return holders(body, names, 0)
}

func holders(raw json.RawMessage, names []string, depth int) (found []Object) {
	if depth >= maxDepth {
		return nil
	}
	if o, err := object(raw); err == nil && o.Text(names...) != "" {
		found = append(found, o)
	}
	for _, child := range children(raw) {
		if found = append(found, holders(child, names, depth+1)...); len(found) > 1 {
			return found[:2]
		}
	}
	return found
}

// Where says in which members the object is that First finds: "authTokens.authToken[0]",
// "" for the body itself. It is for people: the names are the body's.
func Where(body []byte, name string) string {
	o, err := object(body)
	switch {
	case err == nil && o[name] != nil:
		return ""
	case err == nil:
		for _, member := range slices.Sorted(maps.Keys(o)) {
			if first(o[member], name, 1) != nil {
				return joined(member, Where(o[member], name))
			}
		}
	}
	var items []json.RawMessage
	if json.Unmarshal(body, &items) != nil {
		return ""
	}
	for i, item := range items {
		if first(item, name, 1) != nil {
			return joined(fmt.Sprintf("[%d]", i), Where(item, name))
		}
	}
	return ""
}

func joined(outer, inner string) string {
	if inner == "" || strings.HasPrefix(inner, "[") {
		return outer + inner
	}
	return outer + "." + inner
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

// Texts returns all strings in o at any depth down to a bound, but for those in members
// of these names.
func (o Object) Texts(except ...string) []string { return o.texts(except, 0) }

func (o Object) texts(except []string, depth int) (all []string) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(except, name) {
			all = append(all, textsIn(o[name], except, depth+1)...)
		}
	}
	return all
}

func textsIn(raw json.RawMessage, except []string, depth int) (all []string) {
	if depth >= maxDepth {
		return nil
	}
	if o, err := object(raw); err == nil {
		return o.texts(except, depth)
	}
	var text string
	if json.Unmarshal(raw, &text) == nil && text != "" {
		return []string{text}
	}
	for _, child := range children(raw) {
		all = append(all, textsIn(child, except, depth+1)...)
	}
	return all
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

// FirstOf descends into the named members, each of them an object or an array of
// objects, as far as they are there, and returns the innermost object; of an array the
// first one. found is false if none is there.
func (o Object) FirstOf(names ...string) (inner Object, found bool) {
	for _, name := range names {
		raw := o[name]
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) == nil && len(items) > 0 {
			raw = items[0]
		}
		if next, err := object(raw); err == nil {
			o, found = next, true
		}
	}
	return o, found
}

// Ref returns the first of the named members that names another thing: a string, or
// an object with one of the members by, in their order. It is "" if none does.
func (o Object) Ref(by []string, names ...string) string {
	for _, name := range names {
		if s := o.ID(name); s != "" {
			return s
		}
		if inner, err := object(o[name]); err == nil {
			for _, member := range by {
				if s := inner.ID(member); s != "" {
					return s
				}
			}
		}
	}
	return ""
}

// NoZone is the location of a time whose zone the service did not tell: it may be
// off by up to [ZoneSpan] in either direction.
var NoZone = time.FixedZone("no zone", 0)

// ZoneSpan is how far local times are from UTC at most.
const ZoneSpan = 14 * time.Hour

// Time reads a time: RFC 3339, or without seconds, without a zone (its location is
// then [NoZone]), or a date alone. It is zero if s is none of them.
func Time(s string) time.Time {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05Z0700"} {
		if t, err := time.Parse(form, s); err == nil {
			return t
		}
	}
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(form, s, NoZone); err == nil {
			return t
		}
	}
	return time.Time{}
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
