package emulator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/tms/emulator"
)

// list returns the identifiers of a page, and how many there are on all pages.
func (f *fixture) list(path string) (identifiers []string, total int) {
	f.t.Helper()
	r := f.call("GET", path, f.admin(), "")
	r.want(f.t, http.StatusOK)
	rows, total := listed(f.t, r.body)
	for _, row := range rows {
		identifiers = append(identifiers, row.Identifier)
	}
	return identifiers, total
}

type row struct{ Identifier, Token string }

// listed reads a list of either dialect.
func listed(t tester, body string) ([]row, int) {
	t.Helper()
	var outer map[string]json.RawMessage
	var total, first struct{ Count, TotalCount int }
	if err := errors.Join(json.Unmarshal([]byte(body), &outer), json.Unmarshal([]byte(body), &first)); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for _, name := range []string{"registrationTokens", "authTokens"} {
		var rows []row
		if json.Unmarshal(outer[name], &rows) == nil {
			return rows, first.TotalCount
		}
		var inner struct{ RegistrationToken, AuthToken []row }
		if json.Unmarshal(outer[name], &inner) == nil && json.Unmarshal(outer[name], &total) == nil {
			return append(inner.RegistrationToken, inner.AuthToken...), total.Count
		}
	}
	t.Fatalf("no list in %s", body)
	return nil, 0
}

// populated has three registration tokens, and three auth tokens of the first.
func populated(t *testing.T, d emulator.Dialect) (*fixture, string) {
	f := newFixture(t, emulator.Knobs{Dialect: d, PageSize: 10})
	admin := f.admin()
	for i := range 3 {
		f.call("POST", "/registrationTokens", admin, fmt.Sprintf(
			`{"identifier":"r%d","count":3,"expirationDate":"2026-12-01","refId1":"odd%d","refId2":"all"}`, i, i%2)).
			want(t, http.StatusCreated)
	}
	made, _ := listed(t, f.call("GET", "/registrationTokens", admin, "").body)
	token := made[0].Token
	for i := range 3 {
		f.call("POST", "/authTokens", "Basic "+token, fmt.Sprintf(
			`{"identifier":"a%d","fqdn":"host%d","refId1":"cad/%d","refId2":"all"}`, i, i%2, i)).
			want(t, http.StatusCreated)
	}
	return f, token
}

func TestLists(t *testing.T) {
	for _, d := range emulator.Dialects() {
		t.Run(string(d), func(t *testing.T) { testLists(t, d) })
	}
}

func testLists(t *testing.T, d emulator.Dialect) {
	f, token := populated(t, d)
	for _, tt := range []struct {
		path  string
		want  []string
		total int
	}{
		{"/registrationTokens", []string{"r0", "r1", "r2"}, 3},
		{"/registrationTokens?identifier=r1", []string{"r1"}, 1},
		{"/registrationTokens?identifier=", []string{"r0", "r1", "r2"}, 3},
		{"/registrationTokens?identifier=r", nil, 0},
		{"/registrationTokens?token=" + token, []string{"r0"}, 1},
		{"/registrationTokens?refId1=odd0", []string{"r0", "r2"}, 2},
		{"/registrationTokens?refId1=odd0&identifier=r1", nil, 0},
		{"/registrationTokens?refId2=all&pageSize=2", []string{"r0", "r1"}, 3},
		{"/registrationTokens?refId2=all&pageSize=2&pageStartIndex=2", []string{"r2"}, 3},
		{"/registrationTokens?pageStartIndex=9", nil, 3},
		{"/authTokens", []string{"a0", "a1", "a2"}, 3},
		{"/authTokens?identifier=a2", []string{"a2"}, 1},
		{"/authTokens?registrationToken=r0", []string{"a0", "a1", "a2"}, 3},
		{"/authTokens?registrationToken=r1", nil, 0},
		{"/authTokens?fqdn=host0", []string{"a0", "a2"}, 2},
		{"/authTokens?refId1=cad%2F1", []string{"a1"}, 1},
		{"/authTokens?refId2=all&pageStartIndex=1&pageSize=1", []string{"a1"}, 3},
	} {
		t.Run(tt.path, func(t *testing.T) {
			got, total := f.list(tt.path)
			if diff := cmp.Diff(got, tt.want); diff != "" || total != tt.total {
				t.Errorf("total %d, want %d (-got +want):\n%s", total, tt.total, diff)
			}
		})
	}
}

// TestEmptyListIsAList: no rows are [] in the first dialect, never null.
func TestEmptyListIsAList(t *testing.T) {
	f := newFixture(t, emulator.Knobs{Dialect: emulator.First})
	for path, want := range map[string]string{
		"/registrationTokens": `{"registrationTokens":[],"totalCount":0}`,
		"/authTokens":         `{"authTokens":[],"totalCount":0}`,
	} {
		if got := f.call("GET", path, f.admin(), "").body; got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// TestShowAuthToken shows the columns of the list, and no token.
func TestShowAuthToken(t *testing.T) {
	f, _ := populated(t, emulator.First)
	id := f.State().AuthTokens[1].ID
	r := f.call("GET", "/authTokens/"+id, f.admin(), "")
	r.want(t, http.StatusOK)
	want := map[string]any{"authToken": map[string]any{
		"id": id, "identifier": "a1", "fqdn": "host1", "systemUserName": "", "macAddress": "",
		"registrationToken": "r0", "refId1": "cad/1", "refId2": "all", "creationDate": "2026-11-23T08:00:00Z",
	}}
	if diff := cmp.Diff(parse(t, r.body), any(want)); diff != "" {
		t.Errorf("columns (-got +want):\n%s", diff)
	}
}

// TestUpdate changes what is named and nothing else.
func TestUpdate(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	token := f.issue(1)
	path := "/registrationTokens/" + f.State().RegistrationTokens[0].ID
	f.redeem(token, "a").want(t, http.StatusCreated)
	f.redeem(token, "b").want(t, http.StatusBadRequest)
	f.call("PATCH", path, f.admin(), `{"count":2,"expirationDate":"2026-11-30"}`).want(t, http.StatusOK)
	got := f.State().RegistrationTokens[0]
	want := emulator.RegistrationTokenState{ID: got.ID, Identifier: "fleet", Count: 2, Used: 1, ExpirationDate: "2026-11-30", Status: "ENABLED"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("state (-got +want):\n%s", diff)
	}
	f.redeem(token, "b").want(t, http.StatusCreated)
	f.call("PATCH", path, f.admin(), `{"count":1}`).want(t, http.StatusBadRequest)
}
