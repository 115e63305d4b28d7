package admin

import (
	"strings"
	"testing"
	"time"
)

// noQuote fails if an error shows what is marked as secret in the seeds.
func noQuote(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, "SECRET") {
		t.Errorf("the error %q quotes", text)
	}
}

// FuzzRegistrationTokens: each row of a page is read whole or has its flaw, and
// only a whole one is ever usable.
func FuzzRegistrationTokens(f *testing.F) {
	l := listing[RegistrationToken]{"list registration tokens", pathRegistration, listOf("registrationTokens", wrapRegistration), rowOf}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte) {
		rows, err := readRows(l, body)
		if err != nil {
			noQuote(t, err.Error())
			return
		}
		for _, r := range rows {
			noQuote(t, r.Flaw)
			if r.Flaw == "" && r.ID == "" {
				t.Errorf("read whole without an id: %+v", r)
			}
			if r.Usability(now) == Usable && (r.Flaw != "" || !r.UsedKnown || r.Used >= r.Count) {
				t.Errorf("usable: %+v", r)
			}
		}
	})
}

// FuzzAuthTokens: an error quotes nothing, and a row that names its registration token
// has the name or the id by which it is found.
func FuzzAuthTokens(f *testing.F) {
	l := listing[authRow]{"list auth tokens", pathAuth, listOf("authTokens", wrapAuth), authRowOf}
	f.Fuzz(func(t *testing.T, body []byte) {
		rows, err := readRows(l, body)
		if err != nil {
			noQuote(t, err.Error())
			return
		}
		for _, a := range rows {
			if a.Registration != "" && a.name == "" && a.id == "" {
				t.Errorf("no reference: %+v", a)
			}
		}
	})
}
