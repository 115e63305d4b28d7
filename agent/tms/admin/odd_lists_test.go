package admin_test

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"regent/agent/tms/admin"
)

// TestOddLists: what is there is read, whatever the pages say beside it.
func TestOddLists(t *testing.T) {
	const one, two, three = `{"id":1,"identifier":"a"}`, `{"id":2,"identifier":"b"}`, `{"id":3,"identifier":"c"}`
	rows := func(s ...string) string { return `"authToken":[` + strings.Join(s, ",") + `]` }
	tests := []struct {
		name  string
		pages map[int]string // by the row at which they begin; what is missing is the last
		last  string
		want  string
	}{
		{"the last page has no count", map[int]string{0: `{"authTokens":{"count":2,` + rows(one, two) + `}}`}, `{"authTokens":{}}`, "1 2"},
		{"the last page is an empty object", map[int]string{0: `{"authTokens":{"count":2,` + rows(one, two) + `}}`}, `{}`, "1 2"},
		{"the last page has null", map[int]string{0: `{"authTokens":{` + rows(one, two) + `}}`}, `{"authTokens":{"authToken":null}}`, "1 2"},
		{"empty, a count alone", nil, `{"count":0}`, ""},
		{"empty, a text", nil, `{"authTokens":{"count":"0"}}`, ""},
		{"count is a text", map[int]string{0: `{"authTokens":{"count":"3",` + rows(one, two) + `}}`, 2: `{"authTokens":{"count":"3",` + rows(three) + `}}`}, `{"authTokens":{"count":"3"}}`, "1 2 3"},
		{"count is a word", map[int]string{0: `{"authTokens":{"count":"many",` + rows(one) + `}}`}, `{"authTokens":{"count":"none"}}`, "1"},
		{"count is below 0", map[int]string{0: `{"authTokens":{"count":-1,` + rows(one) + `}}`}, `{"authTokens":{"count":-1}}`, "1"},
		{"count is a fraction", map[int]string{0: `{"authTokens":{"count":1.5,` + rows(one) + `}}`}, `{"authTokens":{"count":1e99}}`, "1"},
		{"count is too high", map[int]string{0: `{"authTokens":{"count":2000000000,` + rows(one) + `}}`}, `{"authTokens":{"count":2000000000}}`, "1, 1 of 2000000000"},
		{"a page repeats a row", map[int]string{0: `{"authTokens":{"count":3,` + rows(one, two) + `}}`, 2: `{"authTokens":{"count":3,` + rows(two, three) + `}}`}, `{"authTokens":{"count":3}}`, "1 2 3"},
		{"a page repeats its own row", map[int]string{0: `{"authTokens":{` + rows(one, one, two) + `}}`}, `{"authTokens":{"count":0}}`, "1 2"},
		{"a page is empty before the end", map[int]string{0: `{"authTokens":{"count":4,` + rows(one) + `}}`, 2: `{"authTokens":{"count":4,` + rows(two) + `}}`}, `{"authTokens":{"count":4}}`, "1 2, 2 of 4"},
		{"pages without the array before the end", map[int]string{0: `{"authTokens":{"count":5,` + rows(one, two) + `}}`}, `{"authTokens":{}}`, "1 2, 2 of 5"},
		{"pages that say 0 before the end", map[int]string{0: `{"authTokens":{"count":5,` + rows(one, two) + `}}`}, `{"authTokens":{"count":0}}`, "1 2, 2 of 5"},
		{"pages that say 0 of all before the end", map[int]string{0: `{"authTokens":[` + one + `],"totalCount":5}`}, `{"authTokens":[],"totalCount":0}`, "1, 1 of 5"},
		{"an empty object before the end", map[int]string{0: `{"authTokens":{"count":5,` + rows(one, two) + `}}`}, `{}`, "1 2, 2 of 5"},
		{"null before the end", map[int]string{0: `{"authTokens":{"count":5,` + rows(one, two) + `}}`}, `null`, "1 2, 2 of 5"},
		{"an empty object, and no total", map[int]string{0: `[` + one + `]`}, `{}`, "1, 1 of -1"},
		{"a count without the array", nil, `{"authTokens":{"count":1}}`, ", 0 of 1"},
		{"a total without the array", nil, `{"totalCount":3,"authTokens":null}`, ", 0 of 3"},
		{"an empty object", nil, `{}`, "unreadable"},
		{"null", nil, `null`, "unreadable"},
		{"null among spaces", nil, ` null `, "unreadable"},
		{"the first page is empty", map[int]string{100: `{"authTokens":{"count":101,` + rows(one) + `}}`}, `{"authTokens":{"count":101}}`, "1, 1 of 101"},
		{"rows that are none", map[int]string{0: `{"authTokens":[null,7,"x",` + one + `],"totalCount":4}`}, `{"authTokens":[],"totalCount":4}`, " 1, 2 of 4"},
		{"a row without an id", map[int]string{0: `{"authTokens":[{"identifier":"x"},` + one + `]}`}, `{"authTokens":[]}`, " 1"},
		{"names in another spelling", map[int]string{0: `{"AuthTokens":{"Count":1,"AUTH_TOKEN":[{"ID":1}]}}`}, `{"authtokens":{"count":1}}`, "1"},
		{"one row without an array", map[int]string{0: `{"authTokens":{"count":1,"authToken":` + one + `}}`}, `{"authTokens":{"count":1}}`, "1"},
		{"something behind the list", map[int]string{0: `{"authTokens":{"count":1,` + rows(one) + `}} <!-- x -->`}, `{"authTokens":{"count":1}}`, "1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asked := 0
			session := service(t, func(w http.ResponseWriter, r *http.Request) {
				asked++
				start, _ := strconv.Atoi(r.FormValue("pageStartIndex") + r.FormValue("pageStart"))
				page, ok := tt.pages[start]
				if !ok {
					page = tt.last
				}
				fmt.Fprint(w, page)
			})
			list, err := session.AuthTokens(t.Context(), admin.AuthFilter{})
			var ids []string
			for _, a := range list {
				ids = append(ids, a.ID)
			}
			got := strings.Join(ids, " ")
			if incomplete, ok := errors.AsType[*admin.IncompleteError](err); ok {
				got += fmt.Sprintf(", %d of %d", incomplete.Read, incomplete.Total)
			} else if err != nil {
				got = "unreadable"
			}
			if got != tt.want || asked > 8 {
				t.Errorf("got %q, %v with %d requests, want %q", got, err, asked, tt.want)
			}
		})
	}
}

// TestAbsurdUses: a number of uses that is none is not told.
func TestAbsurdUses(t *testing.T) {
	for _, used := range []string{"-1", `"-1"`, "1.5", "1e99", `"many"`, "{}", "null", "[]"} {
		session := service(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `[{"id":7,"count":3,"usedCount":%s}]`, used)
		})
		list, err := session.RegistrationTokens(t.Context(), admin.RegistrationFilter{})
		if err != nil || len(list) != 1 || list[0].UsedKnown || list[0].Used != 0 || list[0].Flaw != "" {
			t.Errorf("%s: got %+v, %v", used, list, err)
		}
	}
}

// TestNothingIsDeletedWithoutAnID: the address without an id is that of all of them.
func TestNothingIsDeletedWithoutAnID(t *testing.T) {
	session := service(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked %s %s", r.Method, r.URL) })
	if session.DeleteAuthToken(t.Context(), "") == nil || session.DeleteRegistrationToken(t.Context(), "") == nil {
		t.Error("no error")
	}
}
