package emulator_test

import (
	"encoding/json"
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
	type row struct{ Identifier string }
	var got struct {
		RegistrationTokens, AuthTokens []row
		TotalCount                     int
	}
	must(f, json.Unmarshal([]byte(r.body), &got))
	for _, row := range append(got.RegistrationTokens, got.AuthTokens...) {
		identifiers = append(identifiers, row.Identifier)
	}
	return identifiers, got.TotalCount
}

// populated has three registration tokens, and three auth tokens of the first.
func populated(t *testing.T) (*fixture, string) {
	f := newFixture(t, emulator.Knobs{})
	admin := f.admin()
	for i := range 3 {
		f.call("POST", "/registrationTokens", admin, fmt.Sprintf(
			`{"identifier":"r%d","count":3,"expirationDate":"2026-12-01","refId1":"odd%d","refId2":"all"}`, i, i%2)).
			want(t, http.StatusCreated)
	}
	var r struct {
		RegistrationTokens []struct{ Token string }
	}
	must(f, json.Unmarshal([]byte(f.call("GET", "/registrationTokens", admin, "").body), &r))
	token := r.RegistrationTokens[0].Token
	for i := range 3 {
		f.call("POST", "/authTokens", "Basic "+token, fmt.Sprintf(
			`{"identifier":"a%d","fqdn":"host%d","refId1":"cad/%d","refId2":"all"}`, i, i%2, i)).
			want(t, http.StatusCreated)
	}
	return f, token
}

func TestLists(t *testing.T) {
	f, token := populated(t)
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
		{"/registrationTokens?refId2=all&pageSize=2&pageStart=2", []string{"r2"}, 3},
		{"/registrationTokens?pageStart=9", nil, 3},
		{"/authTokens", []string{"a0", "a1", "a2"}, 3},
		{"/authTokens?identifier=a2", []string{"a2"}, 1},
		{"/authTokens?registrationToken=r0", []string{"a0", "a1", "a2"}, 3},
		{"/authTokens?registrationToken=r1", nil, 0},
		{"/authTokens?fqdn=host0", []string{"a0", "a2"}, 2},
		{"/authTokens?refId1=cad%2F1", []string{"a1"}, 1},
		{"/authTokens?refId2=all&pageStart=1&pageSize=1", []string{"a1"}, 3},
	} {
		t.Run(tt.path, func(t *testing.T) {
			got, total := f.list(tt.path)
			if diff := cmp.Diff(got, tt.want); diff != "" || total != tt.total {
				t.Errorf("total %d, want %d (-got +want):\n%s", total, tt.total, diff)
			}
		})
	}
}

// TestEmptyListIsAList: no rows are [], never null.
func TestEmptyListIsAList(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
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
	f, _ := populated(t)
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
