package emulator

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"unicode/utf8"
)

const (
	maxPageSize = 1000
	maxText     = 255 // characters of a field; ours
)

// query has the filters of a list, which match whole values, and the requested page.
type query struct {
	filters     url.Values
	start, size int
}

// query reads the parameters of a list. An unknown or repeated one is refused. If a
// filter were ignored, the list would show other rows, and an administrator might delete
// them.
func (c *call) query(filters ...string) (query, error) {
	values := c.URL.Query()
	w := c.knobs.Dialect.words()
	if c.knobs.PageSize > 0 {
		w.page, w.maxPage = c.knobs.PageSize, c.knobs.PageSize
	}
	q := query{filters: values, size: w.page}
	for name, given := range values {
		if !slices.Contains(filters, name) && !slices.Contains(w.starts, name) && name != "pageSize" {
			return query{}, invalidField(name, "is not a parameter of this list")
		}
		if len(given) != 1 {
			return query{}, invalidField(name, "must stand once")
		}
	}
	for _, name := range w.starts {
		if err := number(values, name, &q.start, 0, 1<<31-1); err != nil {
			return query{}, err
		}
	}
	err := number(values, "pageSize", &q.size, 1, maxPageSize)
	q.size = min(q.size, w.maxPage)
	return q, err
}

func number(values url.Values, name string, into *int, least, most int) error {
	if !values.Has(name) {
		return nil
	}
	n, err := strconv.Atoi(values.Get(name))
	if err != nil || n < least || n > most {
		return invalidField(name, "must be a number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
	}
	*into = n
	return nil
}

// list answers with a page of a list. write is a row as the dialect has it, and filters are
// its members by the parameters that select. The family leaves out an empty array.
func list[R any](e *Emulator, c *call, outer, inner string, rows func() []R, write func(R) any, filters map[string]func(R) string) answer {
	q, err := c.query(slices.Collect(maps.Keys(filters))...)
	if err != nil {
		return refused(err)
	}
	var unfit []func(R) bool
	for name, member := range filters {
		if want := q.filters.Get(name); want != "" {
			unfit = append(unfit, func(row R) bool { return member(row) != want })
		}
	}
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	part, total := []any{}, 0
	for _, row := range rows() {
		if slices.ContainsFunc(unfit, func(is func(R) bool) bool { return is(row) }) {
			continue
		}
		if total >= q.start && len(part) < q.size {
			part = append(part, write(row))
		}
		total++
	}
	if c.knobs.Dialect == First {
		return answer{status: http.StatusOK, body: map[string]any{outer: part, "totalCount": total}}
	}
	wrapper := map[string]any{"count": total}
	if len(part) > 0 {
		wrapper[inner] = part
	}
	return answer{status: http.StatusOK, body: map[string]any{outer: wrapper}}
}

// text is a field of a request.
type text struct{ name, value string }

// checkTexts refuses fields that are too long, and a first one that is empty.
func checkTexts(first text, more ...text) error {
	if first.value == "" {
		return invalidField(first.name, "must not be empty")
	}
	for _, t := range append(more, first) {
		if utf8.RuneCountInString(t.value) > maxText {
			return invalidField(t.name, "must have at most "+strconv.Itoa(maxText)+" characters")
		}
	}
	return nil
}
