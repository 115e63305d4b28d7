package tms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxDepth bounds how deep First descends: the cost of a hostile body is
// bounded by it and by the body's size.
const maxDepth = 16

// longest caps a span. Ten years are as good as for ever, and do not overflow a
// time.Duration.
const longest = 10 * 365 * 24 * time.Hour

// Object is a JSON object with unparsed members. Of equal names the last one counts.
type Object map[string]json.RawMessage

// Member returns a member by its name, nil if there is none. A name in another case, or
// with other signs between its words, is the same name: Access-Token is access_token.
// The exact one comes first, then the first in the order of the alphabet.
func (o Object) Member(name string) json.RawMessage {
	if raw, ok := o[name]; ok || name == "" {
		return raw
	}
	found := ""
	for other := range o {
		if (found == "" || other < found) && sameName(other, name) {
			found = other
		}
	}
	if found == "" {
		return nil
	}
	return o[found]
}

// sameName compares names without regard to case and to the signs between words.
func sameName(a, b string) bool {
	for {
		a, b = strings.TrimLeft(a, between), strings.TrimLeft(b, between)
		if a == "" || b == "" {
			return a == b
		}
		if lower(a[0]) != lower(b[0]) {
			return false
		}
		a, b = a[1:], b[1:]
	}
}

// between are the signs that may stand between the words of a name.
const between = "_-. "

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// ParseReply reads body as one object. If it has a member called wrapper that is an
// object, that one is returned.
func ParseReply(body []byte, wrapper string) (Object, error) {
	o, err := parseObject(whole(body))
	if err != nil {
		return nil, err
	}
	if inner, err := parseObject(o.Member(wrapper)); err == nil {
		return inner, nil
	}
	return o, nil
}

// parseObject reads raw as an object.
func parseObject(raw []byte) (Object, error) {
	var o Object
	if err := json.Unmarshal(inText(raw), &o); err != nil || o == nil {
		return nil, errors.New("no JSON object")
	}
	return o, nil
}

// node is a value in a body.
type node struct {
	raw    json.RawMessage
	object Object // raw, if it is an object; else nil
	in     *node  // the object or array around it; nil for the body itself
	key    string // its place there: "member" or "[0]"
	depth  int
}

// nodes are the values of body, arrays included, down to a bound. An object comes before
// those in it. The order is the document's, which a map would lose.
func nodes(body []byte) iter.Seq[*node] {
	return func(yield func(*node) bool) {
		if body = whole(body); json.Valid(body) {
			(&node{raw: body}).walk(yield)
		}
	}
}

func (n *node) walk(yield func(*node) bool) bool {
	n.object, _ = parseObject(n.raw)
	if !yield(n) {
		return false
	}
	if n.depth+1 == maxDepth {
		return true
	}
	for key, raw := range children(n.raw) {
		if !(&node{raw: raw, in: n, key: key, depth: n.depth + 1}).walk(yield) {
			return false
		}
	}
	return true
}

// path says in which members n stands: "authTokens.authToken[0]", "" for the body itself.
func (n *node) path() string {
	if n.in == nil {
		return ""
	}
	if n.in.in == nil || strings.HasPrefix(n.key, "[") {
		return n.in.path() + n.key
	}
	return n.in.path() + "." + n.key
}

// within reports whether n stands in a member of one of these names, at any depth.
func (n *node) within(names []string) bool {
	return n.in != nil && (slices.ContainsFunc(names, func(name string) bool { return sameName(n.key, name) }) || n.in.within(names))
}

// children returns the values inside an object or array, and their places. raw is valid
// JSON.
func children(raw json.RawMessage) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		raw := inText(raw)
		d := json.NewDecoder(bytes.NewReader(raw))
		open, err := d.Token()
		if err != nil || (open != json.Delim('{') && open != json.Delim('[')) {
			return
		}
		for i := 0; d.More(); i++ {
			key := any(fmt.Sprintf("[%d]", i))
			if open == json.Delim('{') {
				if key, err = d.Token(); err != nil {
					return
				}
			}
			var child json.RawMessage
			if err := d.Decode(&child); err != nil {
				return
			}
			end := d.InputOffset()
			if !yield(key.(string), raw[end-int64(len(child)):end]) { // a part of raw, and no copy
				return
			}
		}
	}
}

// firstWith is the first object of body that has a member called name, or nil.
func firstWith(body []byte, name string) *node {
	for n := range nodes(body) {
		if n.object.Member(name) != nil {
			return n
		}
	}
	return nil
}

// FindObject returns the first object of body, at any depth down to a bound, arrays
// included, that has a member called name. An object comes before those in it.
func FindObject(body []byte, name string) (Object, error) {
	n := firstWith(body, name)
	switch {
	case n != nil:
		return n.object, nil
	case !json.Valid(whole(body)):
		return nil, errors.New("no JSON")
	}
	return nil, fmt.Errorf("no object with %s in the answer, down to %d levels", name, maxDepth)
}

// PathOf says in which members the object is that FindObject finds:
// "authTokens.authToken[0]", "" for the body itself. It is for people: the names are the
// body's.
func PathOf(body []byte, name string) string {
	if n := firstWith(body, name); n != nil {
		return n.path()
	}
	return ""
}

// UniqueText returns the one text that members called name have in body, at any depth down
// to a bound, and "" if there is none, or if there are several.
func UniqueText(body []byte, name string) string {
	if all := ObjectsWith(body, name); len(all) == 1 {
		return all[0].Text(name)
	}
	return ""
}

// ObjectsWith returns the objects of body with a string that is not empty by one of the
// names. It looks at any depth down to a bound, arrays included. It returns at most two,
// since a second string already makes the answer ambiguous.
func ObjectsWith(body []byte, names ...string) (found []Object) {
	for n := range nodes(body) {
		text := n.object.Text(names...)
		if text != "" && (len(found) == 0 || text != found[0].Text(names...)) {
			found = append(found, n.object)
		}
		if len(found) > 1 {
			break
		}
	}
	return found
}

// Text returns the first of the named members that is a string and not empty,
// or "".
func (o Object) Text(names ...string) string {
	for _, name := range names {
		var s string
		if json.Unmarshal(o.Member(name), &s) == nil && s != "" {
			return s
		}
	}
	return ""
}

// Texts returns all strings in o at any depth down to a bound, but for those in members
// of these names.
func (o Object) Texts(except ...string) (all []string) {
	body, _ := json.Marshal(o) // the parsed JSON is valid
	for n := range nodes(body) {
		var text string
		if n.object == nil && json.Unmarshal(n.raw, &text) == nil && text != "" && !n.within(except) {
			all = append(all, text)
		}
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
	if json.Unmarshal(o.Member(name), &n) != nil {
		return ""
	}
	return n.String()
}

// FirstOf descends into the named members as far as they exist, and returns the innermost
// object. Each is an object or an array of objects; of an array it takes the first one.
// found is false if none is there.
func (o Object) FirstOf(names ...string) (inner Object, found bool) {
	for _, name := range names {
		raw := o.Member(name)
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) == nil && len(items) > 0 {
			raw = items[0]
		}
		if next, err := parseObject(raw); err == nil {
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
		if inner, err := parseObject(o.Member(name)); err == nil {
			for _, member := range by {
				if s := inner.ID(member); s != "" {
					return s
				}
			}
		}
	}
	return ""
}

// NoZone is the location of a time without a zone in the service's answer. The time may
// be off by up to [ZoneSpan] in either direction.
var NoZone = time.FixedZone("no zone", 0)

// NoTime is the location of a date without a time, at its beginning: the zone is missing
// too, and it may be a day later.
var NoTime = time.FixedZone("no time", 0)

// ZoneSpan is how far local times are from UTC at most.
const ZoneSpan = 14 * time.Hour

// ParseTime reads a time: RFC 3339, or without seconds, without a zone (its location is
// then [NoZone]), or a date alone ([NoTime]). It is zero if s is none of them.
func ParseTime(s string) time.Time {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05Z0700"} {
		if t, err := time.Parse(form, s); err == nil {
			return t
		}
	}
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(form, s, NoZone); err == nil {
			return t
		}
	}
	t, _ := time.ParseInLocation(time.DateOnly, s, NoTime)
	return t
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

// Seconds returns the named member, a number of seconds, and whether it is there. It caps
// spans at ten years, in either direction.
func (o Object) Seconds(name string) (d time.Duration, ok bool, err error) {
	f, ok, err := o.Number(name)
	if err != nil || !ok {
		return 0, false, err
	}
	return SecondsDuration(f), true, nil
}

// SecondsDuration converts seconds, as Seconds does.
func SecondsDuration(seconds float64) time.Duration {
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
	raw := strings.TrimSpace(string(o.Member(name)))
	if raw == "" || raw == "null" {
		return 0, false, nil
	}
	var n json.Number
	if err := json.Unmarshal(o.Member(name), &n); err != nil {
		return 0, false, fmt.Errorf("%s is no number", name)
	}
	f, err = strconv.ParseFloat(n.String(), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(f) {
		return 0, false, fmt.Errorf("%s is no number", name)
	}
	return f, true, nil
}
