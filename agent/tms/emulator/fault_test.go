package emulator_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/tms/emulator"
)

// TestFaults: what a redemption hears, and what it changed.
func TestFaults(t *testing.T) {
	const internal = "An internal error occurred. Contact the system administrator for assistance."
	for _, tt := range []struct {
		name       string
		fault      emulator.Fault
		lost       bool
		status     int
		retryAfter string
		says       string
		used       int
	}{
		{"documented 500", emulator.Fault{Status: 500}, false, 500, "", internal, 0},
		{"documented 500, too late", emulator.Fault{Status: 500, AfterCommit: true}, false, 500, "", internal, 1},
		{"429", emulator.Fault{Status: 429}, false, 429, "60", "errorCode", 0},
		{"429 with a wish", emulator.Fault{Status: 429, RetryAfter: "3"}, false, 429, "3", "errorCode", 0},
		{"503", emulator.Fault{Status: 503}, false, 503, "", "errorCode", 0},
		{"503 with a wish", emulator.Fault{Status: 503, RetryAfter: "0"}, false, 503, "0", "errorCode", 0},
		{"a portal in between", emulator.Fault{Status: 403, Body: "<p>Log in"}, false, 403, "", "<p>Log in", 0},
		{"no answer", emulator.Fault{}, true, 0, "", "", 0},
		{"no answer after the commit", emulator.Fault{AfterCommit: true}, true, 0, "", "", 1},
		{"another class", emulator.Fault{Class: emulator.ClassRefresh, Status: 500}, false, 201, "", "access_token", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, emulator.Knobs{})
			token := f.issue(5)
			must(f, f.AddFault(tt.fault))
			r := f.redeem(token, "a")
			if r.lost != tt.lost || r.status != tt.status || !strings.Contains(r.body, tt.says) {
				t.Errorf("lost %v, %d %s, want %v, %d %s", r.lost, r.status, r.body, tt.lost, tt.status, tt.says)
			}
			if !r.lost && r.header.Get("Retry-After") != tt.retryAfter {
				t.Errorf("Retry-After %q, want %q", r.header.Get("Retry-After"), tt.retryAfter)
			}
			if got := f.State().Redeemed; got != tt.used {
				t.Errorf("%d counts used, want %d", got, tt.used)
			}
		})
	}
}

// TestFaultQueue: faults are used up one by one, each by a request of its
// class, and counted.
func TestFaultQueue(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	token := f.issue(9)
	g := f.redeem(token, "first").grant(t, http.StatusCreated)
	must(f, f.FailNext(emulator.ClassRedeem, 2, 500))
	must(f, f.DropNext(emulator.ClassRefresh, 1))
	must(f, f.FailNext(emulator.ClassAny, 1, 503))

	var got []int
	for _, r := range []reply{
		f.refresh(g.RefreshToken),                   // lost, and rotated
		f.redeem(token, "a"),                        // 500
		f.refresh(g.RefreshToken),                   // 503, and no use of it
		f.redeem(token, "b"),                        // 500
		f.redeem(token, "c"),                        // 201
		f.call("GET", "/idpConfigurations", "", ""), // 200
		f.refresh(g.RefreshToken),                   // the second use: 400
	} {
		got = append(got, r.status)
	}
	if diff := cmp.Diff(got, []int{0, 500, 503, 500, 201, 200, 400}); diff != "" {
		t.Errorf("statuses (-got +want):\n%s", diff)
	}
	s := f.State()
	requests := map[emulator.Class]int{emulator.ClassRedeem: 4, emulator.ClassRefresh: 3, emulator.ClassDiscover: 1}
	if diff := cmp.Diff(s.Requests, requests); diff != "" {
		t.Errorf("requests (-got +want):\n%s", diff)
	}
	if s.Failed != 3 || s.Dropped != 1 || len(s.Faults) != 0 || s.Refreshed != 1 || s.Redeemed != 2 {
		t.Errorf("%+v, want 3 failed, 1 dropped, none pending, 1 refreshed, 2 redeemed", s)
	}
}

func TestSetFaultsReplaces(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	must(f, f.FailNext(emulator.ClassAny, 100, 500))
	must(f, f.SetFaults())
	f.redeem(f.issue(1), "a").want(t, http.StatusCreated)
}

// TestFaultInIdentityProvidersShape: at the token endpoint errors are OAuth's.
func TestFaultInIdentityProvidersShape(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	must(f, f.FailNext(emulator.ClassRefresh, 1, 500))
	must(f, f.FailNext(emulator.ClassLogin, 1, 400))
	if r := f.refresh("x.y"); r.status != 500 || r.code() != "server_error" {
		t.Errorf("%d %s, want 500 server_error", r.status, r.body)
	}
	if r := f.form("grant_type", "password"); r.status != 400 || r.code() != "invalid_request" {
		t.Errorf("%d %s, want 400 invalid_request", r.status, r.body)
	}
}

// TestDropClosesTheConnection: through a real connection a dropped reply is an
// end without an answer, and the count is used.
func TestDropClosesTheConnection(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	server := httptest.NewServer(f)
	defer server.Close()
	must(f, f.DropNext(emulator.ClassRedeem, 1))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+service+"/authTokens", strings.NewReader(`{"identifier":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Basic "+f.issue(1))
	r.Header.Set("Content-Type", "application/json")
	resp, err := server.Client().Do(r)
	if err == nil {
		resp.Body.Close()
		t.Fatalf("status %d, want no answer", resp.StatusCode)
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("%v, want the connection closed", err)
	}
	if s := f.State(); s.Redeemed != 1 || s.Requests[emulator.ClassRedeem] != 1 {
		t.Errorf("%+v, want one request and one redemption", s)
	}
}

// TestLatency delays the reply and not the commit: who does not wait has used
// a count.
func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, emulator.Knobs{Latency: 10 * time.Second})
		token := f.issue(2)
		start := time.Now()
		f.redeem(token, "patient").want(t, http.StatusCreated)
		if got := time.Since(start); got != 10*time.Second {
			t.Errorf("answered after %v, want 10s", got)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r := httptest.NewRequest(http.MethodPost, service+"/authTokens", strings.NewReader(`{"identifier":"hasty"}`)).WithContext(ctx)
		r.Header.Set("Authorization", "Basic "+token)
		r.Header.Set("Content-Type", "application/json")
		start = time.Now()
		f.send(r)
		if got := time.Since(start); got != time.Second {
			t.Errorf("returned after %v, want 1s", got)
		}
		if got := f.State().Redeemed; got != 2 {
			t.Errorf("%d counts used, want 2", got)
		}
	})
}

// TestClockOffset: the service's clock is seen in Date, in the dates that it
// checks, and in when an access token ends.
func TestClockOffset(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	admin := f.admin()
	token := f.issue(1)
	must(f, f.SetKnobs(emulator.Knobs{ClockOffset: 31 * 24 * time.Hour}))

	r := f.call("GET", "/idpConfigurations", "", "")
	if got, want := r.header.Get("Date"), "Thu, 24 Dec 2026 08:00:00 GMT"; got != want {
		t.Errorf("Date %s, want %s", got, want)
	}
	f.call("GET", "/authTokens", admin, "").want(t, http.StatusUnauthorized)
	f.redeem(token, "a").want(t, http.StatusBadRequest)

	must(f, f.SetKnobs(emulator.Knobs{ClockOffset: -20 * time.Minute}))
	r = f.redeem(token, "a")
	r.want(t, http.StatusCreated)
	if got, want := r.header.Get("Date"), "Mon, 23 Nov 2026 07:40:00 GMT"; got != want {
		t.Errorf("Date %s, want %s", got, want)
	}
}

// TestContradictions: knobs and faults that cannot be are refused, and change
// nothing.
func TestContradictions(t *testing.T) {
	for name, k := range map[string]emulator.Knobs{
		"access lifetime -1s":    {AccessLifetime: -time.Second},
		"access lifetime 1.5s":   {AccessLifetime: 1500 * time.Millisecond},
		"refresh lifetime 1ms":   {RefreshLifetime: time.Millisecond},
		"session lifetime -1s":   {SessionLifetime: -time.Second},
		"latency -1s":            {Latency: -time.Second},
		"rotation \"sometimes\"": {Rotation: "sometimes"},
		"duplicates \"never\"":   {Duplicates: "never"},
		"reuse grace 1s":         {Rotation: emulator.RotationOff, ReuseGrace: time.Second},
		"reuse grace -1s":        {ReuseGrace: -time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := emulator.New(emulator.Options{Knobs: k}); err == nil || !strings.HasPrefix(err.Error(), name) {
				t.Errorf("New: %v, want %s…", err, name)
			}
			f := newFixture(t, emulator.Knobs{Latency: 1})
			if err := f.SetKnobs(k); err == nil || f.Knobs().Latency != 1 {
				t.Errorf("SetKnobs: %v, and %+v, want an error and nothing changed", err, f.Knobs())
			}
		})
	}
	for name, fault := range map[string]emulator.Fault{
		"class":         {Class: "nobody"},
		"count":         {Count: -1},
		"status":        {Status: 200},
		"status 0":      {RetryAfter: "1"},
		"status 0 body": {Body: "x"},
	} {
		t.Run("fault "+name, func(t *testing.T) {
			f := newFixture(t, emulator.Knobs{})
			if err := f.AddFault(fault); err == nil {
				t.Error("AddFault: no error")
			}
			if err := f.SetFaults(emulator.Fault{Status: 500}, fault); err == nil || len(f.State().Faults) != 0 {
				t.Errorf("SetFaults: %v, and %v pending, want an error and none", err, f.State().Faults)
			}
		})
	}
}

func TestNewRefusesPaths(t *testing.T) {
	for _, o := range []emulator.Options{{TokenPath: "auth"}, {TokenPath: "/sso/"}, {Realm: "a/b"}, {Realm: "{x}"}} {
		if _, err := emulator.New(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
