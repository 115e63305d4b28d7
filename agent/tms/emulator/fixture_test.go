package emulator_test

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regent/agent/tms/emulator"
)

const (
	service  = "/token/api/v5"
	tokenURL = "/auth/realms/ems/protocol/openid-connect/token"
	client   = "ems-scl-public-client"
	host     = "tenant.example"
)

// startTime is when each test starts: the golden exchanges say so.
var startTime = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// tester is a test of either kind: testing's, or rapid's.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

var (
	_ tester = testing.TB(nil)
	_ tester = (*rapid.T)(nil)
)

// fixture is an emulator with a clock that stands until it is moved.
type fixture struct {
	*emulator.Emulator
	t     tester
	store *emulator.Store // nil for most

	mu  sync.Mutex
	now time.Time
}

// acceptBare lets the service read bare bodies, which the tests here send, where a test
// does not say what it takes.
func acceptBare(k emulator.Knobs) emulator.Knobs {
	if k.RequestBody == "" {
		k.RequestBody = emulator.BodyEither
	}
	return k
}

// SetKnobs is the emulator's, with bareToo.
func (f *fixture) SetKnobs(k emulator.Knobs) error { return f.Emulator.SetKnobs(acceptBare(k)) }

func newFixture(t tester, knobs emulator.Knobs) *fixture {
	t.Helper()
	f := &fixture{t: t, now: startTime}
	e, err := emulator.New(emulator.Options{Knobs: acceptBare(knobs), Now: f.clock})
	if err != nil {
		t.Fatal(err)
	}
	f.Emulator = e
	return f
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// reply is what came back; lost if nothing did.
type reply struct {
	lost   bool
	status int
	header http.Header
	body   string
}

// send makes a request as if it came through TLS.
func (f *fixture) send(r *http.Request) (got reply) {
	r.TLS = &tls.ConnectionState{}
	w := httptest.NewRecorder()
	defer func() {
		switch p := recover(); p {
		case nil:
			got = reply{status: w.Code, header: w.Header(), body: w.Body.String()}
		case http.ErrAbortHandler:
			got = reply{lost: true}
		default:
			panic(p)
		}
	}()
	f.ServeHTTP(w, r)
	return reply{}
}

// call sends JSON, or nothing if body is "".
func (f *fixture) call(method, path, authorization, body string) reply {
	return f.send(request(method, path, authorization, body))
}

func request(method, path, authorization, body string) *http.Request {
	r := httptest.NewRequest(method, "https://"+host+service+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

// form sends a form to the token endpoint; pairs are names and values.
func (f *fixture) form(pairs ...string) reply {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "https://"+host+tokenURL, strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return f.send(r)
}

func (f *fixture) refresh(token string) reply {
	return f.form("grant_type", "refresh_token", "client_id", client, "refresh_token", token)
}

func (f *fixture) redeem(registration, identifier string) reply {
	return f.call("POST", "/authTokens", "Basic "+registration, `{"identifier":"`+identifier+`"}`)
}

// admin logs in and returns the Authorization header.
func (f *fixture) admin() string {
	f.t.Helper()
	r := f.form("grant_type", "password", "client_id", client,
		"username", "admin", "password", f.Credentials().Password)
	return "Bearer " + r.grant(f.t, http.StatusOK).AccessToken
}

// issue makes a registration token and returns it.
func (f *fixture) issue(count int) string {
	f.t.Helper()
	token, err := f.IssueRegistrationToken("fleet", count)
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

// grant is what the tests read of an answer that holds tokens.
type grant struct {
	ID               string `json:"id"`
	AccessToken      string `json:"access_token"`
	RefreshToken     string `json:"refresh_token"`
	ExpiresIn        int    `json:"expires_in"`
	RefreshExpiresIn int    `json:"refresh_expires_in"`
}

// grant reads a bare or wrapped answer that must have this status.
func (r reply) grant(t tester, status int) grant {
	t.Helper()
	r.want(t, status)
	var wrapped struct {
		AuthToken *grant `json:"authToken"`
		grant
	}
	if err := json.Unmarshal([]byte(r.body), &wrapped); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
	if wrapped.AuthToken != nil {
		return *wrapped.AuthToken
	}
	return wrapped.grant
}

func (r reply) want(t tester, status int) {
	t.Helper()
	if r.lost || r.status != status {
		t.Fatalf("status %d (lost %v), want %d: %s", r.status, r.lost, status, r.body)
	}
}

// code is the errorCode or error of an answer in the dialects' own shapes.
func (r reply) code() string {
	var e struct {
		ErrorCode string `json:"errorCode"`
		Error     string `json:"error"`
	}
	_ = json.Unmarshal([]byte(r.body), &e) // none is ""
	return e.ErrorCode + e.Error
}
