package admin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/agent/tms"
	"regent/agent/tms/admin"
)

// service answers the login, and everything else with handle.
func service(t *testing.T, handle http.HandlerFunc) *admin.Session {
	t.Helper()
	return sessionOf(t, handle, "")
}

// pages serves n auth tokens in pages of at most most.
func pages(n, most int, total bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		start, _ := strconv.Atoi(r.FormValue("pageStart"))
		size, _ := strconv.Atoi(r.FormValue("pageSize"))
		list := []map[string]any{}
		for i := start; i < min(n, start+min(size, most)); i++ {
			list = append(list, map[string]any{"id": i})
		}
		answer := map[string]any{"authTokens": list}
		if total {
			answer["totalCount"] = n
		}
		json.NewEncoder(w).Encode(answer)
	}
}

func TestPagesToTheEnd(t *testing.T) {
	tests := []struct {
		name    string
		n, most int
		total   bool
	}{
		{"none", 0, 100, true},
		{"none, no total", 0, 100, false},
		{"one full page", 100, 100, true},
		{"one full page, no total", 100, 100, false},
		{"three", 250, 100, true},
		{"three, no total", 250, 100, false},
		{"smaller pages than asked for", 25, 10, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := service(t, pages(tt.n, tt.most, tt.total)).AuthTokens(t.Context(), admin.AuthFilter{})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != tt.n {
				t.Fatalf("%d auth tokens, want %d", len(got), tt.n)
			}
			for i, a := range got {
				if a.ID != strconv.Itoa(i) {
					t.Fatalf("auth token %d has id %s", i, a.ID)
				}
			}
		})
	}
}

func TestPagesEnd(t *testing.T) {
	tests := []struct{ name, answer, want string }{
		{"the same page again", `{"authTokens":[{"id":1}],"totalCount":9}`, "the same page came twice"},
		{"no list", `{"totalCount":9}`, "no authTokens"},
		{"no array", `{"authTokens":7}`, "authTokens is no JSON array"},
		{"another array", `{"authTokens":{"rows":[{"id":1}]}}`, "has no authToken"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			session := service(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, tt.answer) })
			_, err := session.AuthTokens(t.Context(), admin.AuthFilter{})
			if f, ok := errors.AsType[*tms.Failure](err); !ok || f.Reach != tms.Lost || !strings.Contains(f.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestPageLimit(t *testing.T) {
	next := 0
	session := service(t, func(w http.ResponseWriter, _ *http.Request) {
		next++
		fmt.Fprintf(w, `{"authTokens":[{"id":%d}],"totalCount":2000000}`, next)
	})
	_, err := session.AuthTokens(t.Context(), admin.AuthFilter{})
	if err == nil || !strings.Contains(err.Error(), "more than 1000 pages") || next != 1000 {
		t.Errorf("got %v after %d pages, want it to give up after 1000", err, next)
	}
}

func TestListsMayBeBare(t *testing.T) {
	session := service(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `[{"id":7,"count":"3","expirationDate":"2026-12-01T10:00:00+02:00"}]`)
	})
	got, err := session.RegistrationTokens(t.Context(), admin.RegistrationFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].ID != "7" || got[0].Count != 3 || !got[0].Expires.Equal(fleet.Expires) {
		t.Errorf("got %+v", got)
	}
}

func TestRegistrationTokenIsWhole(t *testing.T) {
	tests := []struct{ name, answer, want string }{
		{"no id", `{"token":"T","count":1}`, "no id"},
		{"no count", `{"id":"1","token":"T"}`, "no count"},
		{"half a count", `{"id":"1","token":"T","count":1.5}`, "count is no whole number"},
		{"a count below 0", `{"id":"1","token":"T","count":-1}`, "count is below 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			session := service(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, tt.answer) })
			n := admin.NewRegistrationToken{Identifier: "x", Count: 1, Expires: fleet.Expires}
			_, err := session.CreateRegistrationToken(t.Context(), n, now)
			if f, ok := errors.AsType[*tms.Failure](err); !ok || f.Reach != tms.Lost || !strings.Contains(f.Error(), tt.want) {
				t.Errorf("got %v, want a lost answer: %q", err, tt.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	tests := []struct {
		name string
		n    admin.NewRegistrationToken
		want string
	}{
		{"tomorrow", admin.NewRegistrationToken{Identifier: "x", Count: 1, Expires: day(1)}, ""},
		{"the last day", admin.NewRegistrationToken{Identifier: "x", Count: 1, Expires: day(30)}, ""},
		{"today", admin.NewRegistrationToken{Identifier: "x", Count: 1, Expires: day(0)}, "2026-11-23: must lie between tomorrow, 2026-11-24, and 2026-12-23"},
		{"too late", admin.NewRegistrationToken{Identifier: "x", Count: 1, Expires: day(31)}, "2026-12-24: must lie"},
		{"no count", admin.NewRegistrationToken{Identifier: "x", Expires: day(1)}, "count 0: must be at least 1"},
		{"no identifier", admin.NewRegistrationToken{Count: 1, Expires: day(1)}, "identifier: must not be empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.n.Check(now)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			session := service(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
			if tt.want != "" {
				if _, err := session.CreateRegistrationToken(t.Context(), tt.n, now); err == nil {
					t.Error("no error of CreateRegistrationToken")
				}
			}
		})
	}
}

func TestUsability(t *testing.T) {
	change := func(f func(*admin.RegistrationToken)) admin.RegistrationToken {
		r := fleet
		f(&r)
		return r
	}
	lastMoment := fleet.Expires.Add(24*time.Hour - time.Second)
	tests := []struct {
		name string
		r    admin.RegistrationToken
		now  time.Time
		want admin.Usability
	}{
		{"new", fleet, now, admin.Usable},
		{"its last day", fleet, lastMoment, admin.Usable},
		{"the day after", fleet, lastMoment.Add(time.Second), admin.Expired},
		{"no count left", change(func(r *admin.RegistrationToken) { r.Used = 3 }), now, admin.UsedUp},
		{"both", change(func(r *admin.RegistrationToken) { r.Used = 3 }), lastMoment.Add(time.Second), admin.Expired},
		{"disabled", change(func(r *admin.RegistrationToken) { r.State = admin.StateDisabled }), now, admin.Disabled},
		{"no state", change(func(r *admin.RegistrationToken) { r.State = admin.StateMissing }), now, admin.UsabilityUnknown},
		{"an unknown word", change(func(r *admin.RegistrationToken) { r.State = admin.StateUnknown }), now, admin.UsabilityUnknown},
		{"no date", change(func(r *admin.RegistrationToken) { r.Expires = time.Time{} }), now, admin.UsabilityUnknown},
		{"no last day", change(func(r *admin.RegistrationToken) { r.Expires, r.Never = time.Time{}, true }), now, admin.Usable},
		{"used counts not told", change(func(r *admin.RegistrationToken) { r.UsedKnown = false }), now, admin.UsabilityUnknown},
		{"used counts not told, disabled", change(func(r *admin.RegistrationToken) { r.UsedKnown, r.State = false, admin.StateDisabled }), now, admin.Disabled},
		{"used counts not told, expired", change(func(r *admin.RegistrationToken) { r.UsedKnown = false }), lastMoment.Add(time.Second), admin.Expired},
	}
	noZone := time.Date(2026, 11, 29, 23, 0, 0, 0, tms.NoZone)
	endsAt := func(at time.Time) admin.RegistrationToken {
		return change(func(r *admin.RegistrationToken) { r.Expires, r.Ends = at.UTC().Truncate(24*time.Hour), at })
	}
	utc := time.Date(2026, 11, 29, 23, 0, 0, 0, time.UTC)
	for hours, want := range map[int]admin.Usability{-15: admin.Usable, -13: admin.UsabilityUnknown, 4: admin.UsabilityUnknown, 13: admin.UsabilityUnknown, 15: admin.Expired} {
		at := utc.Add(time.Duration(hours) * time.Hour)
		if got := endsAt(noZone).Usability(at); got != want {
			t.Errorf("%d hours after its end, which has no zone: got %s, want %s", hours, got, want)
		}
	}
	if got := endsAt(utc).Usability(utc.Add(time.Minute)); got != admin.Expired {
		t.Errorf("a minute after its end, which has a zone: got %s", got)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.r.Usability(tt.now); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestShowEscapesID(t *testing.T) {
	session := service(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != "/token/api/v5/registrationTokens/a%2Fb" {
			t.Errorf("asked for %s", r.URL.EscapedPath())
		}
		fmt.Fprint(w, `{"registrationToken":{"id":"a/b","count":1}}`)
	})
	if got, err := session.RegistrationToken(t.Context(), "a/b"); err != nil || got.ID != "a/b" {
		t.Errorf("got %+v, %v", got, err)
	}
}
