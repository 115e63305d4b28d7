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
	op, path string
	list     reply.List
	read     func(reply.Object) (T, error)
}

// all follows the pages to their end, which is an empty page where the service does
// not say how many rows there are on all of them: it may hold fewer rows in a page
// than it is asked for. A page that comes twice means that the service does not know our name for
// the start of a page; the other name is then tried. After that it is the end, if
// there is nothing to be missed.
func (l listing[T]) all(ctx context.Context, s *Session, filter url.Values) ([]T, error) {
	var found []T
	start := queryStart
	seen := map[string]bool{} // the ids with which pages began
	for range maxPages {
		page, err := l.page(ctx, s, filter, start, len(found))
		switch {
		case err != nil && start == queryStart && unknownName(err):
			start = queryStartFirst
		case err != nil:
			return nil, err
		case len(page.items) == 0:
			return found, l.complete(s, page.total.N, len(found))
		case !seen[page.first]:
			seen[page.first] = true
			if found = append(found, page.items...); page.total.All && len(found) >= page.total.N {
				return found, nil
			}
		case start == queryStart:
			start = queryStartFirst
		case page.total.N == len(found), page.total.N < 0 && len(page.items) < pageSize:
			return found, nil
		default:
			return nil, l.failed(s, "the same page came twice: the service follows neither "+queryStart+" nor "+queryStartFirst)
		}
	}
	return nil, l.failed(s, fmt.Sprintf("there are more than %d pages; narrow the filter", maxPages))
}

// unknownName reports whether the service may have refused a name in the query. To
// ask again by another name has no effect: it is a read.
func unknownName(err error) bool {
	f, ok := errors.AsType[*tms.Failure](err)
	return ok && f.Reach == tms.Answered && f.Status == http.StatusBadRequest
}

// complete is an error if the service said that there are more rows than it gave.
func (l listing[T]) complete(s *Session, total, read int) error {
	if total > read {
		return l.failed(s, fmt.Sprintf("the service says that there are %d, and gave %d", total, read))
	}
	return nil
}

func (l listing[T]) failed(s *Session, text string) error {
	return &tms.Failure{Op: l.op, Host: s.tms.Host(), Reach: tms.Lost, Err: errors.New(text)}
}

// page is one answer to a listing.
type page[T any] struct {
	items []T
	first string // the id of the first one
	total reply.Total
}

func (l listing[T]) page(ctx context.Context, s *Session, filter url.Values, startName string, start int) (page[T], error) {
	query := url.Values{startName: {strconv.Itoa(start)}, querySize: {strconv.Itoa(pageSize)}}
	for name := range filter {
		if value := filter.Get(name); value != "" {
			query.Set(name, value)
		}
	}
	var p page[T]
	read := func(a tms.Answer) (err error) {
		p, err = l.readPage(a.Body)
		return err
	}
	err := s.do(ctx, tms.Call{Op: l.op, Method: http.MethodGet, Path: l.path, Query: query, Read: read})
	return p, err
}

func (l listing[T]) readPage(body []byte) (page[T], error) {
	objects, total, err := l.list.Parse(body)
	if err != nil {
		return page[T]{}, err
	}
	p := page[T]{total: total}
	for i, o := range objects {
		item, err := l.read(o)
		if err != nil {
			return page[T]{}, fmt.Errorf("%s[%d]: %w", l.list.Member, i, err)
		}
		p.items = append(p.items, item)
	}
	if len(objects) > 0 {
		p.first = objects[0].ID("id")
	}
	return p, nil
}
