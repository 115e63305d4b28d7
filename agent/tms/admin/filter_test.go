package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"regent/agent/tms/admin"
)

// unfilteredService answers every list with all of its rows, whatever the query says.
func unfilteredService(t *testing.T) *admin.Session {
	return service(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/authTokens") {
			fmt.Fprint(w, `{"authTokens":{"count":7,"authToken":[
				{"id":"a1","identifier":"one","fqdn":"WS-1.Example.com","refId1":"cad/1","refId2":"d1","registrationToken":"fleet"},
				{"id":"a2","identifier":"one-b","fqdn":"ws-2.example.com","refId1":"cad/2","refId2":"d2","registrationToken":{"id":"17"}},
				{"id":"a3","identifier":"three","fqdn":"ws-3.example.com","registrationToken":{"id":17,"identifier":"fleet"}},
				{"id":"a4","identifier":"four","registrationToken":{"id":"18"}},
				{"id":"a5","identifier":"five","registrationToken":{"id":"18","name":"fleet-2"}},
				{"id":"a6","identifier":"six","registrationToken":{"id":"99","identifier":"17"}},
				{"id":"a7","identifier":"seven","fqdn":"ws-7.example.com"}]},"totalCount":7}`)
			return
		}
		fmt.Fprint(w, `{"registrationTokens":{"count":3,"registrationToken":[
			{"id":"17","identifier":"fleet","count":3,"refId1":"x"},
			{"id":"18","identifier":"fleet-2","count":3},
			{"id":"99","identifier":"17","count":"?"}]},"totalCount":3}`)
	})
}

// TestFiltersAreFollowedHere: what is not selected is not returned, by a service that
// ignores its filters either.
func TestFiltersAreFollowedHere(t *testing.T) {
	for _, tt := range []struct {
		filter admin.AuthFilter
		want   string
	}{
		{admin.AuthFilter{}, "a1 a2 a3 a4 a5 a6 a7"},
		{admin.AuthFilter{Identifier: "one"}, "a1"},
		{admin.AuthFilter{Identifier: "nosuch"}, ""},
		{admin.AuthFilter{FQDN: "ws-1.example.COM."}, "a1"},
		{admin.AuthFilter{FQDN: "oldhost"}, ""},
		{admin.AuthFilter{RefID1: "cad/2"}, "a2"},
		{admin.AuthFilter{RefID2: "d1", FQDN: "ws-2.example.com"}, ""},
		{admin.AuthFilter{Registration: "fleet"}, "a1 a2 a3"},
		{admin.AuthFilter{Registration: "fleet-2"}, "a4 a5"},
		{admin.AuthFilter{Registration: "17"}, "a6"},
		{admin.AuthFilter{Registration: "nosuch"}, ""},
		{admin.AuthFilter{Registration: "fleet", RegistrationID: "17"}, "a1 a2 a3"},
		{admin.AuthFilter{RegistrationID: "18"}, "a4 a5"},
		{admin.AuthFilter{Registration: "fleet", Unassigned: true}, "a1 a2 a3 a7"},
		{admin.AuthFilter{Registration: "fleet", Unassigned: true, FQDN: "ws-7.example.com"}, "a7"},
	} {
		list, err := unfilteredService(t).AuthTokens(t.Context(), tt.filter)
		var ids []string
		for _, a := range list {
			ids = append(ids, a.ID)
		}
		if got := strings.Join(ids, " "); err != nil || got != tt.want {
			t.Errorf("%+v: got %q, %v, want %q", tt.filter, got, err, tt.want)
		}
	}
	for _, tt := range []struct {
		filter admin.RegistrationFilter
		want   string
	}{
		{admin.RegistrationFilter{}, "17 18 99"},
		{admin.RegistrationFilter{Identifier: "fleet"}, "17"},
		{admin.RegistrationFilter{Identifier: "17"}, "99"}, // with its flaw
		{admin.RegistrationFilter{Identifier: "nosuch"}, ""},
		{admin.RegistrationFilter{RefID1: "x"}, "17"},
		{admin.RegistrationFilter{RefID2: "x"}, ""},
	} {
		list, err := unfilteredService(t).RegistrationTokens(t.Context(), tt.filter)
		var ids []string
		for _, r := range list {
			ids = append(ids, r.ID)
		}
		if got := strings.Join(ids, " "); err != nil || got != tt.want {
			t.Errorf("%+v: got %q, %v, want %q", tt.filter, got, err, tt.want)
		}
	}
}
