package emulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/tms/emulator"
)

// control sends a request to the control endpoint from an address.
func (f *fixture) control(from, method, path, body string) reply {
	r := httptest.NewRequest(method, emulator.ControlPath+path, strings.NewReader(body))
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	f.Control().ServeHTTP(w, r)
	return reply{status: w.Code, header: w.Header(), body: w.Body.String()}
}

const local = "127.0.0.1:1000"

func TestControlState(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	f.redeem(f.issue(2), "a").want(t, http.StatusCreated)
	must(f, f.FailNext(emulator.ClassRefresh, 3, 503))
	r := f.control(local, "GET", "state", "")
	r.want(t, http.StatusOK)
	s := f.State()
	want := map[string]any{
		"knobs": map[string]any{
			"access_lifetime": "5m0s", "refresh_lifetime": "0s", "session_lifetime": "0s", "rotation": "on",
			"reuse_grace": "0s", "max_reuse": 0.0, "latency": "0s", "clock_offset": "0s", "duplicates": "count",
			"forms":   map[string]any{"reply": "wrapped", "access_token": "access_token", "authorization": "basic", "refresh": "any"},
			"dialect": "family", "request_body": "either", "error_shape": "", "page_size": 0.0, "count_delta": false,
			"one_user_per_registration_token": false,
		},
		"faults":   []any{map[string]any{"class": "refresh", "count": 3.0, "status": 503.0, "after_commit": false}},
		"requests": map[string]any{"redeem": 1.0},
		"failed":   0.0, "dropped": 0.0, "redeemed": 1.0, "refreshed": 0.0,
		"registration_tokens": []any{map[string]any{
			"id": s.RegistrationTokens[0].ID, "identifier": "fleet", "count": 2.0, "used": 1.0,
			"expiration_date": "2026-12-23", "status": "ENABLED",
		}},
		"auth_tokens": []any{map[string]any{
			"id": s.AuthTokens[0].ID, "identifier": "a", "registration_token": "fleet",
			"ref_id1": "", "ref_id2": "", "refreshes": 0.0, "revoked": false, "ended": false,
		}},
	}
	if diff := cmp.Diff(parse(t, r.body), any(want)); diff != "" {
		t.Errorf("state (-got +want):\n%s", diff)
	}
}

// TestControlKnobs changes what is named, and leaves the rest.
func TestControlKnobs(t *testing.T) {
	f := newFixture(t, emulator.Knobs{RefreshLifetime: time.Hour})
	must(f, f.FailNext(emulator.ClassAny, 1, 500))
	f.control(local, "POST", "knobs", `{"access_lifetime":"10s","clock_offset":"-20m","forms":{"reply":"bare"}}`).want(t, http.StatusOK)
	want := emulator.Knobs{
		AccessLifetime: 10 * time.Second, RefreshLifetime: time.Hour, ClockOffset: -20 * time.Minute,
		Rotation: emulator.RotationOn, Duplicates: emulator.DuplicatesCount,
		Forms:   emulator.Forms{Reply: "bare", AccessToken: "access_token", Authorization: "basic", Refresh: "any"},
		Dialect: emulator.Family, RequestBody: emulator.BodyEither,
	}
	if diff := cmp.Diff(f.Knobs(), want); diff != "" {
		t.Errorf("knobs (-got +want):\n%s", diff)
	}
	if got := len(f.State().Faults); got != 1 {
		t.Errorf("%d faults pending, want the one of before", got)
	}
	f.control(local, "POST", "knobs", `{"faults":[{"class":"redeem","after_commit":true}]}`).want(t, http.StatusOK)
	faults := []emulator.Fault{{Class: emulator.ClassRedeem, Count: 1, AfterCommit: true}}
	if diff := cmp.Diff(f.State().Faults, faults); diff != "" {
		t.Errorf("faults (-got +want):\n%s", diff)
	}
	f.control(local, "POST", "knobs", `{"faults":[]}`).want(t, http.StatusOK)
	if got := len(f.State().Faults); got != 0 {
		t.Errorf("%d faults pending, want 0", got)
	}
}

// TestControlRefuses what is not a change, and then changes nothing.
func TestControlRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, from, method, path, body string
		status                         int
	}{
		{"unknown knob", local, "POST", "knobs", `{"latency":"1s","speed":"2s"}`, 400},
		{"a number", local, "POST", "knobs", `{"latency":5}`, 400},
		{"not a duration", local, "POST", "knobs", `{"latency":"soon"}`, 400},
		{"a contradiction", local, "POST", "knobs", `{"latency":"1s","rotation":"off","reuse_grace":"1s"}`, 400},
		{"a bad fault", local, "POST", "knobs", `{"latency":"1s","faults":[{"status":200}]}`, 400},
		{"a good fault and a bad knob", local, "POST", "knobs", `{"faults":[{"status":500}],"latency":"-1s"}`, 400},
		{"another host", "192.0.2.1:1000", "POST", "knobs", `{"latency":"1s"}`, 403},
		{"another host looks", "192.0.2.1:1000", "GET", "state", "", 403},
		{"no such path", local, "GET", "nothing", "", 404},
		{"no such method", local, "GET", "knobs", "", 405},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, emulator.Knobs{})
			before := f.Knobs()
			f.control(tt.from, tt.method, tt.path, tt.body).want(t, tt.status)
			if diff := cmp.Diff(f.Knobs(), before); diff != "" || len(f.State().Faults) != 0 {
				t.Errorf("faults %v, knobs (-got +want):\n%s", f.State().Faults, diff)
			}
		})
	}
}

// TestStateConcurrent: state, knobs and requests at once; the race detector
// is the judge, and the counts.
func TestStateConcurrent(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	token := f.issue(100)
	done := make(chan int)
	go func() {
		ok := 0
		for range 100 {
			if f.redeem(token, "a").status == http.StatusCreated {
				ok++
			}
		}
		done <- ok
	}()
	for range 50 {
		f.control(local, "POST", "knobs", `{"duplicates":"same"}`).want(t, http.StatusOK)
		f.control(local, "POST", "knobs", `{"duplicates":"count"}`).want(t, http.StatusOK)
	}
	if got := <-done; got != 100 {
		t.Errorf("%d redemptions, want 100", got)
	}
	var s struct{ Requests map[string]int }
	must(f, json.Unmarshal([]byte(f.control(local, "GET", "state", "").body), &s))
	if got := s.Requests["redeem"]; got != 100 {
		t.Errorf("%d requests, want 100", got)
	}
}
