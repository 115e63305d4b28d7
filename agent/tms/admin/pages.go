package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"regent/agent/tms"
	"regent/agent/tms/internal/reply"
)

const (
	pageSize = 100
	maxPages = 1000
)

// listing is what is listed, and how one of it is read.
type listing[T any] struct {
	op, path, member string
	read             func(reply.Object) (T, error)
}

// all follows the pages to their end. A service that never comes to one is
// refused, after maxPages or when it repeats a page.
func (l listing[T]) all(ctx context.Context, s *Session, filter url.Values) ([]T, error) {
	var found []T
	seen := map[string]bool{} // the ids with which pages began
	for range maxPages {
		page, err := l.page(ctx, s, filter, len(found), seen)
		if err != nil {
			return nil, err
		}
		found = append(found, page.items...)
		if page.last(len(found)) {
			return found, nil
		}
	}
	return nil, &tms.Failure{
		Op: l.op, Host: s.tms.Host(), Reach: tms.Lost,
		Err: fmt.Errorf("there are more than %d pages; narrow the filter", maxPages),
	}
}

// page is one answer to a listing.
type page[T any] struct {
	items []T
	total int // on all pages; -1 if the service does not say
}

// last reports whether no page is to follow, when so many were read in all.
func (p page[T]) last(read int) bool {
	if p.total < 0 {
		return len(p.items) < pageSize
	}
	return len(p.items) == 0 || read >= p.total
}

func (l listing[T]) page(ctx context.Context, s *Session, filter url.Values, start int, seen map[string]bool) (page[T], error) {
	query := url.Values{queryStart: {strconv.Itoa(start)}, querySize: {strconv.Itoa(pageSize)}}
	for name := range filter {
		if value := filter.Get(name); value != "" {
			query.Set(name, value)
		}
	}
	var p page[T]
	read := func(a tms.Answer) (err error) {
		p, err = l.readPage(a.Body, seen)
		return err
	}
	err := s.do(ctx, tms.Call{Op: l.op, Method: http.MethodGet, Path: l.path, Query: query, Read: read})
	return p, err
}

func (l listing[T]) readPage(body []byte, seen map[string]bool) (page[T], error) {
	objects, total, err := reply.ParseList(body, l.member, memberTotal)
	if err != nil {
		return page[T]{}, err
	}
	if len(objects) > 0 {
		first := objects[0].ID("id")
		if seen[first] {
			return page[T]{}, errors.New("the same page came twice: the service does not follow " + queryStart)
		}
		seen[first] = true
	}
	p := page[T]{total: total}
	for i, o := range objects {
		item, err := l.read(o)
		if err != nil {
			return page[T]{}, fmt.Errorf("%s[%d]: %w", l.member, i, err)
		}
		p.items = append(p.items, item)
	}
	return p, nil
}
