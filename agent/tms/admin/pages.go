package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"regent/agent/tms"
)

const (
	pageSize = 100
	maxPages = 1000
)

// listing is what is listed, and how one of it is read.
type listing[T any] struct {
	op, path string
	list     tms.List
	read     func(tms.Object) T
}

// mostBarren is how many pages in a row may show nothing new before the end.
const mostBarren = 3

// all follows the pages to their end, which is an empty page where the service does
// not say how many rows there are on all of them: it may hold fewer rows in a page
// than it is asked for. A row that comes again is left out. A page that comes twice means
// that the service does not know our name for the start of a page; the other name is then
// tried. A page may be empty or come twice before the end that the service tells. With an
// *[IncompleteError] the rows that were shown are returned too.
func (l listing[T]) all(ctx context.Context, s *Session, filter url.Values) ([]T, error) {
	w := walk{start: queryStart, step: pageSize, total: -1, seen: map[string]bool{}}
	var found []T
	for range maxPages {
		rows, total, err := l.page(ctx, s, filter, w.start, w.from)
		if unknownName(err) && w.other() {
			continue
		}
		if errors.Is(err, tms.ErrNoList) && w.from > 0 { // it ends here
			w.noList = true
			return found, l.complete(s, w, len(found))
		}
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if key := rowKey(row); !w.seen[key] {
				w.seen[key] = true
				found = append(found, l.read(row))
			}
		}
		if !w.next(len(rows), len(found), total) {
			return found, l.complete(s, w, len(found))
		}
	}
	return nil, l.failed(s, fmt.Sprintf("there are more than %d pages; narrow the filter", maxPages))
}

// walk is how far a list was followed.
type walk struct {
	start   string // the name of the start of a page
	from    int    // the row at which the next page begins
	step    int    // the rows of a page
	found   int
	total   int             // what the service says; -1 for nothing
	barren  int             // pages without anything new, in a row
	noList  bool            // the last of them was {} or null
	twice   bool            // the last of them came twice
	settled bool            // the service knows no other name for the start of a page
	seen    map[string]bool // the rows that were found
}

// other begins with the other name for the start of a page, and reports whether there is
// one that may be known.
func (w *walk) other() bool {
	switch {
	case w.start == queryStart && !w.settled:
		w.start = queryStartFirst
	case w.start == queryStartFirst && w.twice: // the first name was known
		w.start, w.settled, w.twice = queryStart, true, false
		w.from += w.step
	default:
		return false
	}
	return true
}

// next moves to the next page, after one with rows, found in all, and what it says of the
// total. It reports false at the end.
func (w *walk) next(rows, found int, total tms.Total) bool {
	is := found - w.found
	w.found, w.twice = found, is == 0 && rows > 0
	if total.N >= 0 && (rows > 0 || total.N > w.total) { // a page without rows is no proof of fewer
		w.total = total.N
	}
	switch {
	case is > 0:
		w.barren, w.step = 0, rows
		w.from += rows
		return !total.All || found < total.N
	case w.twice && w.start == queryStart && !w.settled:
		return w.other()
	}
	w.barren++
	w.from += w.step
	more := w.total > found && w.barren < mostBarren
	if w.twice {
		return more || w.total < 0 && rows >= pageSize && w.barren < mostBarren
	}
	return more && w.from < w.total
}

// unknownName reports whether the service may have refused a name in the query. To
// ask again by another name has no effect: it is a read.
func unknownName(err error) bool {
	f, ok := errors.AsType[*tms.Failure](err)
	return ok && f.Reach == tms.Answered && f.Status == http.StatusBadRequest
}

// IncompleteError means that the service shows fewer rows than it says there are. What
// is not among them may be there all the same.
type IncompleteError struct {
	Op    string // "list auth tokens"
	Read  int    // rows that the service showed
	Total int    // rows that it says there are; -1 if it does not say
}

var _ error = (*IncompleteError)(nil)

// Error says how many rows are missing.
func (e *IncompleteError) Error() string {
	if e.Total < 0 {
		return fmt.Sprintf("%s: the list is incomplete: the service showed %d rows, and then an answer without a list", e.Op, e.Read)
	}
	return fmt.Sprintf("%s: the list is incomplete: the service showed %d of %d rows", e.Op, e.Read, e.Total)
}

// complete is an error if the service gave one page again and again although there are
// more rows, or if it showed fewer rows than it says there are.
func (l listing[T]) complete(s *Session, w walk, read int) error {
	if w.twice && (w.total > read || w.total < 0 && w.barren >= mostBarren) {
		return l.failed(s, "the same page came twice: the service follows neither "+queryStart+" nor "+queryStartFirst)
	}
	if w.total > read || w.total < 0 && w.noList {
		return &IncompleteError{l.op, read, w.total}
	}
	return nil
}

func (l listing[T]) failed(s *Session, text string) error {
	return &tms.Failure{Op: l.op, Host: s.tms.Host(), Reach: tms.Lost, Err: errors.New(text)}
}

// page asks for one page.
func (l listing[T]) page(ctx context.Context, s *Session, filter url.Values, startName string, start int) (rows []tms.Object, total tms.Total, err error) {
	query := url.Values{startName: {strconv.Itoa(start)}, querySize: {strconv.Itoa(pageSize)}}
	for name := range filter {
		if value := filter.Get(name); value != "" {
			query.Set(name, value)
		}
	}
	err = s.do(ctx, tms.Call{Op: l.op, Method: http.MethodGet, Path: l.path, Query: query, Read: func(a tms.Answer) (err error) {
		rows, total, err = l.list.Parse(a.Body)
		return err
	}})
	return rows, total, err
}

// rowKey tells rows apart: by the id, else by all that a row says.
func rowKey(o tms.Object) string {
	key := o.ID("id")
	if all, err := json.Marshal(o); key == "" && err == nil {
		key = string(all)
	}
	return key
}
