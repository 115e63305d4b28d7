package tms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// List says by which names a reply has a list.
type List struct {
	Member string // "authTokens": an array of objects, or an object that has one
	Inner  string // "authToken": the array's name in that object
	Total  string // "totalCount": the number of all rows, in that object or beside it
	Count  string // "count": a number of rows, perhaps only of this page
}

// ErrNoList means that an answer is {} or null. That does not mean an empty list.
var ErrNoList = errors.New("the answer contains no list")

// Total is how many rows there are.
type Total struct {
	N   int  // -1 if the reply does not say
	All bool // N is of all pages; else perhaps of this one
}

// Parse reads a list of any dialect: a bare array, an array under Member, or one under
// Inner in the object Member. In the last form an empty array is missing. One object in
// place of the array is a list of one. A row that is no object is one without members: it
// hides no other. An invalid number of rows counts as none.
func (l List) Parse(body []byte) (list []Object, total Total, err error) {
	raw, total, err := l.find(whole(body))
	if err != nil || raw == nil {
		total.All = total.All || total.N > 0
		return nil, total, err
	}
	if one, err := parseObject(raw); err == nil {
		return []Object{one}, total, nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(inText(raw), &items); err != nil {
		return nil, total, fmt.Errorf("%s is no JSON array", l.Member)
	}
	for _, item := range items {
		o, err := parseObject(item)
		if err != nil {
			o = Object{}
		}
		list = append(list, o)
	}
	total.All = total.All || total.N > len(list)
	return list, total, nil
}

// find returns the array of the rows, nil if there is none because it is empty.
func (l List) find(body []byte) (raw json.RawMessage, total Total, err error) {
	total.N = -1
	outer, err := parseObject(body)
	if string(bytes.TrimSpace(body)) == "null" {
		return nil, total, ErrNoList
	}
	if err != nil {
		return body, total, nil //nolint:nilerr // it is an array, or Parse says that it is none
	}
	total = l.total(outer, total)
	if outer.Member(l.Member) == nil && outer.Member(l.Inner) == nil {
		switch {
		case len(outer) == 0:
			return nil, total, ErrNoList
		case len(outer) == 1 && total.N == 0:
			return nil, total, nil
		}
		if outer, err = FindObject(body, l.Member); err != nil {
			return nil, total, fmt.Errorf("no %s in the answer", l.Member)
		}
		total = l.total(outer, total)
	}
	rows := outer.Member(l.Member)
	if rows == nil {
		return outer.Member(l.Inner), total, nil
	}
	inner, err := parseObject(rows)
	switch {
	case err != nil && nothing(rows):
		return nil, total, nil
	case err != nil:
		return rows, total, nil //nolint:nilerr // it is the array itself
	}
	return l.within(inner, l.total(inner, total))
}

// within returns the array of the rows in the object Member. Beyond the last row, and
// where there is none, it is missing.
func (l List) within(inner Object, total Total) (json.RawMessage, Total, error) {
	rows := inner.Member(l.Inner)
	switch {
	case rows != nil && !nothing(rows):
		return rows, total, nil
	case rows != nil, len(inner) == 0, inner.Member(l.Count) != nil, inner.Member(l.Total) != nil:
		return nil, total, nil
	}
	return nil, total, fmt.Errorf("%s is no JSON array, and has no %s", l.Member, l.Inner)
}

// nothing reports whether raw stands for an empty list, as answers converted from XML do.
func nothing(raw json.RawMessage) bool { return string(raw) == "null" || string(raw) == `""` }

// total returns the total in o, else the earlier one.
func (l List) total(o Object, before Total) Total {
	for _, name := range []string{l.Total, l.Count} {
		if n, ok, err := o.Int(name); ok && err == nil && n >= 0 {
			return Total{n, name == l.Total}
		}
	}
	return before
}
