package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"regent/agent/tms/emulator"
)

// FuzzRedeem: whatever the body, a count is used exactly if the answer is 201,
// and the service never fails.
func FuzzRedeem(f *testing.F) {
	f.Fuzz(func(t *testing.T, body string) {
		x := newFixture(t, emulator.Knobs{})
		r := x.call("POST", "/authTokens", "Basic "+x.issue(1), body)
		want := 0
		if r.status == http.StatusCreated {
			want = 1
		}
		if got := x.State().Redeemed; got != want || r.status >= 500 {
			t.Errorf("%d counts used, want %d: %d %s", got, want, r.status, r.body)
		}
	})
}

// FuzzTokenForm: nobody logs in by accident, and the endpoint never fails.
func FuzzTokenForm(f *testing.F) {
	f.Fuzz(func(t *testing.T, body string) {
		x := newFixture(t, emulator.Knobs{})
		r := httptest.NewRequest(http.MethodPost, tokenURL, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got := x.send(r); got.status < 400 || got.status >= 500 {
			t.Errorf("%d %s, want a refusal", got.status, got.body)
		}
	})
}

// FuzzControl: what the control endpoint takes can be, and what it refuses
// changes nothing.
func FuzzControl(f *testing.F) {
	f.Fuzz(func(t *testing.T, body string) {
		x := newFixture(t, emulator.Knobs{})
		before := x.Knobs()
		r := x.control(local, http.MethodPost, "knobs", body)
		switch r.status {
		case http.StatusOK:
			if err := x.SetKnobs(x.Knobs()); err != nil {
				t.Errorf("took what cannot be: %v", err)
			}
		case http.StatusBadRequest:
			if x.Knobs() != before || len(x.State().Faults) != 0 {
				t.Error("refused, and changed")
			}
		default:
			t.Errorf("%d %s", r.status, r.body)
		}
	})
}

// FuzzQuery: a list is what was asked for, or refused: what it does not know is
// never ignored.
func FuzzQuery(f *testing.F) {
	known := []string{"identifier", "refId1", "refId2", "pageStartIndex", "pageSize"}
	f.Fuzz(func(t *testing.T, query string) {
		x := newFixture(t, emulator.Knobs{})
		x.issue(1)
		r := request(http.MethodGet, "/registrationTokens", x.admin(), "")
		r.URL.RawQuery = query
		got := x.send(r)
		switch got.status {
		case http.StatusOK:
			for name, values := range r.URL.Query() {
				if !slices.Contains(known, name) || len(values) != 1 {
					t.Errorf("%s=%q was ignored", name, values)
				}
			}
		case http.StatusBadRequest:
		default:
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}
