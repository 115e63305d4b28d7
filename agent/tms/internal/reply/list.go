package reply

import (
	"encoding/json"
	"fmt"
)

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
	if outer.Member(l.Member) == nil && outer.Member(l.Inner) == nil {
		if outer, err = First(body, l.Member); err != nil {
			return nil, total, fmt.Errorf("no %s in the answer", l.Member)
		}
	}
	if total, err = l.total(outer, total); err != nil {
		return nil, total, err
	}
	if outer.Member(l.Member) == nil {
		return outer.Member(l.Inner), total, nil
	}
	inner, err := object(outer.Member(l.Member))
	if err != nil {
		if string(outer.Member(l.Member)) == "null" && total.N <= 0 {
			return nil, total, nil
		}
		return outer.Member(l.Member), total, nil
	}
	if total, err = l.total(inner, total); err != nil {
		return nil, total, err
	}
	rows := inner.Member(l.Inner)
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
