package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"regent/agent/tms/emulator"
	"regent/agent/token"
)

// TestSpoiledCreation: a reply of something before the service, after the service has made
// a registration token, makes no second one, and a repetition looks first.
func TestSpoiledCreation(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404} {
		spoiled := 0
		e := newInterceptor(t, emulator.Knobs{}, func(w http.ResponseWriter, r *http.Request, e *emulator.Emulator) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/registrationTokens") {
				spoiled++
				e.ServeHTTP(httptest.NewRecorder(), r)
				http.Error(w, "<html>blocked</html>", status)
				return
			}
			e.ServeHTTP(w, r)
		})
		create := func() (int, string) {
			var out, said bytes.Buffer
			args := []string{"--tenant", e.url, "--user", "admin", "registration-token", "create", "--count", "1", "--identifier", "u1"}
			return run(t.Context(), typed(&out, &said, "", token.NewSecret(e.Credentials().Password)), args), out.String() + said.String()
		}
		_, first := create()
		code, again := create()
		if n := len(e.State().RegistrationTokens); n != 1 || spoiled != 1 || code != 1 || !strings.Contains(again, "already exists") || strings.Contains(again, "delete") {
			t.Errorf("%d: %d made with %d requests, exit %d\n%s\n%s", status, n, spoiled, code, first, again)
		}
	}
}

// TestTrialSpoiledRedemption: the auth token of a redemption whose reply is not the
// service's is found in the list and deleted, and its count is told.
func TestTrialSpoiledRedemption(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404} {
		e := newInterceptor(t, emulator.Knobs{}, func(w http.ResponseWriter, r *http.Request, e *emulator.Emulator) {
			if isRedemption(r) {
				e.ServeHTTP(httptest.NewRecorder(), r)
				http.Error(w, "<html>blocked</html>", status)
				return
			}
			e.ServeHTTP(w, r)
		})
		code, _, said := e.try(t.Context(), t)
		is := e.State()
		if code != 1 || len(is.AuthTokens) != 0 || len(is.RegistrationTokens) != 0 || is.Redeemed != 1 || !strings.Contains(said, "Counts used: 1 of at most 3.\n") {
			t.Errorf("%d: exit %d, %d auth tokens left, %d redeemed\n%s", status, code, len(is.AuthTokens), is.Redeemed, said)
		}
	}
}

// TestTrialRefusedRedemption: the next step is about the registration token.
func TestTrialRefusedRedemption(t *testing.T) {
	for status, want := range map[int]string{403: "refused the registration token and not your login", 400: "It was sent wrapped; try: tmsctl trial --request bare"} {
		e := newInterceptor(t, emulator.Knobs{}, func(w http.ResponseWriter, r *http.Request, e *emulator.Emulator) {
			if isRedemption(r) {
				http.Error(w, `{"errorCode":"X","errorMessage":"not in this state"}`, status)
				return
			}
			e.ServeHTTP(w, r)
		})
		code, _, said := e.try(t.Context(), t)
		if code != 1 || !strings.Contains(said, want) || strings.Contains(said, "Contact Administrator") {
			t.Errorf("%d: exit %d\n%s", status, code, said)
		}
	}
}
