package admin_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"regent/agent/tms"
	"regent/agent/tms/admin"
)

// writer is a service that takes bodies in one form. It remembers the forms that
// came, and what it made.
type writer struct {
	form   string                         // tms.Wrapped or tms.Bare
	other  func(http.ResponseWriter)      // answers a body in the other form
	before func(http.ResponseWriter) bool // answers a body in this form instead, if it reports true

	mu      sync.Mutex // held over a request: a client that lost its answer goes on before it ends
	delta   bool       // a count is added
	came    []string
	made    []map[string]any
	patched int
}

func refuse(status int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(status); fmt.Fprint(w, body) }
}

func (s *writer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := strings.TrimPrefix(r.URL.Path, "/token/api/v5/registrationTokens/")
	switch {
	case r.Method == http.MethodGet && id == "1":
		s.write(w, map[string]any{"registrationToken": s.made[0]})
	case r.Method == http.MethodGet:
		s.write(w, map[string]any{"registrationTokens": map[string]any{"count": len(s.made), "registrationToken": s.made}, "totalCount": len(s.made)})
	default:
		s.take(w, r)
	}
}

func (s *writer) take(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		panic(err)
	}
	form := tms.Bare
	if inner, ok := body["registrationToken"].(map[string]any); ok {
		form, body = tms.Wrapped, inner
	}
	s.came = append(s.came, form)
	switch {
	case form != s.form:
		s.other(w)
	case s.before != nil && s.before(w):
	case r.Method == http.MethodPatch:
		s.patched++
		if n, ok := body["count"].(float64); ok && s.delta {
			body["count"] = n + s.made[0]["count"].(float64)
		}
		maps.Copy(s.made[0], body)
		w.WriteHeader(http.StatusNoContent)
	default:
		s.write(w, map[string]any{"registrationToken": s.add(body)})
	}
}

func (s *writer) add(body map[string]any) map[string]any {
	row := map[string]any{"id": fmt.Sprint(len(s.made) + 1), "token": "T", "count": 1.0}
	maps.Copy(row, body)
	s.made = append(s.made, row)
	return row
}

func (s *writer) write(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

// drop makes what was asked for and loses the answer.
func (s *writer) drop(body map[string]any) func(http.ResponseWriter) bool {
	return func(http.ResponseWriter) bool {
		if body != nil {
			s.add(body)
		}
		panic(http.ErrAbortHandler)
	}
}

func plain(n admin.NewRegistrationToken) map[string]any {
	return map[string]any{"identifier": n.Identifier, "count": float64(n.Count), "expirationDate": n.Expires.Format("2006-01-02")}
}

// TestOnlyARefusedFormLeadsToTheOther: over the matrix of forms and refusals a
// creation is sent a second time only after a 400 that can mean nothing but the form,
// and never makes two.
func TestOnlyARefusedFormLeadsToTheOther(t *testing.T) {
	const both = tms.Wrapped + " " + tms.Bare
	coded := func(code, text string) string { return fmt.Sprintf(`{"errorCode":%q,"errorMessage":%q}`, code, text) }
	tests := []struct {
		name  string
		other func(http.ResponseWriter)
		came  string // where the service takes bare bodies and Request is auto
	}{
		{"unknown member", refuse(400, coded("INVALID_BODY", "Unrecognized field registrationToken")), both},
		{"a number for a code", refuse(400, `{"code":1012,"message":"Malformed request"}`), both},
		{"in an array", refuse(400, `{"errors":{"error":[{"code":"E1","message":"JSON parse error"}]}}`), both},
		{"misses a member that was sent", refuse(400, coded("INVALID", "count is required")), both},
		{"a word inside another", refuse(400, coded("E", "An error was encountered in member accounts")), both},
		{"an account, and nothing of another reason", refuse(400, coded("E", "An error was encountered for this account")), both},
		{"a second error", refuse(400, `{"errors":[{"code":"E1","message":"JSON parse error"},{"code":"E2","message":"identifier already exists"}]}`), tms.Wrapped},
		{"a reason in detail", refuse(400, `{"errorCode":"INVALID_BODY","errorMessage":"Invalid body","details":[{"reason":"COUNT_EXCEEDED"}]}`), tms.Wrapped},
		{"the body in detail", refuse(400, `{"errorCode":"INVALID_BODY","errorMessage":"Invalid body","received":{"registrationToken":{"count":3,"expirationDate":"2026-12-24"}}}`), both},
		{"duplicate", refuse(400, coded("DUPLICATE_IDENTIFIER", "")), tms.Wrapped},
		{"exists", refuse(400, coded("E", "The identifier already exists.")), tms.Wrapped},
		{"count", refuse(400, coded("E", "count: must be at most 100")), tms.Wrapped},
		{"count code", refuse(400, coded("COUNT_EXCEEDED", "No.")), tms.Wrapped},
		{"required by code alone", refuse(400, coded("EXPIRED", "A licence is required, this one has expired")), tms.Wrapped},
		{"expiry", refuse(400, coded("E", "expirationDate is out of range")), tms.Wrapped},
		{"disabled", refuse(400, coded("E", "The customer is disabled")), tms.Wrapped},
		{"not the service's shape", refuse(400, "<html>Bad Request</html>"), tms.Wrapped},
		{"422", refuse(422, coded("E", "Unprocessable")), tms.Wrapped},
		{"404", refuse(404, coded("E", "Not found")), tms.Wrapped},
		{"403", refuse(403, coded("E", "Forbidden")), tms.Wrapped},
		{"415", refuse(415, coded("E", "Unsupported")), tms.Wrapped},
		{"429", refuse(429, coded("E", "Later")), tms.Wrapped},
		{"500", refuse(500, coded("E", "An internal error occurred.")), tms.Wrapped},
		{"lost", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, tms.Wrapped},
	}
	for _, form := range []string{tms.Wrapped, tms.Bare} {
		for _, request := range []string{tms.Auto, tms.Wrapped, tms.Bare} {
			for _, tt := range tests {
				t.Run(form+" taken, "+request+" set, "+tt.name, func(t *testing.T) {
					want := tt.came
					if request != tms.Auto {
						want = request
					} else if form == tms.Wrapped {
						want = tms.Wrapped
					}
					s := &writer{form: form, other: tt.other}
					got, err := sessionOf(t, s, request).CreateRegistrationToken(t.Context(), full, now)
					s.mu.Lock()
					defer s.mu.Unlock()
					if came := strings.Join(s.came, " "); came != want {
						t.Errorf("sent %s, want %s", came, want)
					}
					made := 0
					if strings.HasSuffix(want, form) {
						made = 1
					}
					if len(s.made) != made || (err == nil) != (made == 1) || made == 1 && got.ID != "1" {
						t.Errorf("%d made, got %+v and %v", len(s.made), got, err)
					}
				})
			}
		}
	}
}

func sessionOf(t *testing.T, s http.Handler, request string) *admin.Session {
	t.Helper()
	session, _ := clientOf(t, s, request)
	return session
}

func clientOf(t *testing.T, s http.Handler, request string) (*admin.Session, *admin.Client) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /token/api/v5/idpConfigurations", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"tokenEndpoint":"http://%s/auth/","realm":"ems"}`, r.Host)
	})
	mux.HandleFunc("POST /auth/realms/ems/protocol/openid-connect/token", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"access_token":"admin","expires_in":300}`)
	})
	mux.Handle("/", s)
	h := httptest.NewServer(mux)
	t.Cleanup(h.Close)
	c := clientThat(t, h.URL, nil, tms.Forms{Request: request})
	session, err := c.Login(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return session, c
}

// TestLenient: a service that ignores a body in the wrong form makes one and no more,
// which is returned and told, and proves no form.
func TestLenient(t *testing.T) {
	s := &writer{form: tms.Bare}
	s.other = func(w http.ResponseWriter) { s.write(w, map[string]any{"registrationToken": s.add(nil)}) }
	session, c := clientOf(t, s, tms.Auto)
	got, err := session.CreateRegistrationToken(t.Context(), full, now)
	if _, ok := errors.AsType[*admin.MismatchError](err); !ok || got.ID != "1" || got.Token.IsZero() || len(s.made) != 1 || c.BodyForm() != tms.Auto {
		t.Errorf("got %+v, %v, %d made, proven %s", got, err, len(s.made), c.BodyForm())
	}
}

// TestProven: what was taken is known after it, and a 400 then leads nowhere.
func TestProven(t *testing.T) {
	for _, form := range []string{tms.Wrapped, tms.Bare} {
		s := &writer{form: form, other: refuse(400, `{"errorCode":"BAD_REQUEST"}`)}
		session, c := clientOf(t, s, tms.Auto)
		if _, err := session.CreateRegistrationToken(t.Context(), full, now); err != nil || c.BodyForm() != form {
			t.Fatalf("%v, proven %s, want %s", err, c.BodyForm(), form)
		}
		s.came, s.before = nil, func(w http.ResponseWriter) bool { refuse(400, `{"errorCode":"BAD_REQUEST"}`)(w); return true }
		if _, err := session.CreateRegistrationToken(t.Context(), full, now); err == nil || !slices.Equal(s.came, []string{form}) {
			t.Errorf("sent %s, %v", s.came, err)
		}
	}
}

// TestLostCreation: a creation whose answer is lost is looked up and not repeated.
func TestLostCreation(t *testing.T) {
	other := full
	other.Count = 7
	tests := []struct {
		name string
		had  []admin.NewRegistrationToken
		done bool
		ok   bool
	}{
		{"it was made", nil, true, true},
		{"it was not made", nil, false, false},
		{"another of its name is there", []admin.NewRegistrationToken{other}, true, true},
		{"two are there: which is it", []admin.NewRegistrationToken{full}, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &writer{form: tms.Wrapped}
			for _, n := range tt.had {
				s.add(plain(n))
			}
			var lost map[string]any
			if tt.done {
				lost = plain(full)
			}
			s.before = s.drop(lost)
			got, err := sessionOf(t, s, tms.Auto).CreateRegistrationToken(t.Context(), full, now)
			if (err == nil) != tt.ok || got.Found != tt.ok || len(s.came) != 1 {
				t.Errorf("got %+v, %v, after %d sends", got, err, len(s.came))
			}
		})
	}
}

// TestRaiseIsReadBack: what a change came to is read, whatever the service makes of a
// number, and whatever form it takes.
func TestRaiseIsReadBack(t *testing.T) {
	count := 8
	raise := admin.Change{Count: &count}
	tests := []struct {
		name   string
		change func(*writer)
		want   int    // 0 if nothing is returned
		says   string // "" for no error
	}{
		{"the whole number", func(*writer) {}, 8, ""},
		{"a difference", func(s *writer) { s.delta = true }, 13, "count was 5, you asked for 8, the service says 13"},
		{"ignored", func(s *writer) { s.before = func(w http.ResponseWriter) bool { refuse(200, `{}`)(w); return true } }, 5, "count was 5, you asked for 8, the service says 5"},
		{"bare", func(s *writer) { s.form, s.other = tms.Bare, refuse(400, `{"message":"unknown property"}`) }, 8, ""},
		{"lost and not done", func(s *writer) { s.before = s.drop(nil) }, 0, "no answer came"},
		{"lost and done", func(s *writer) {
			s.before = func(http.ResponseWriter) bool { s.made[0]["count"] = 8.0; panic(http.ErrAbortHandler) }
		}, 8, ""},
		{"refused", func(s *writer) {
			s.before = func(w http.ResponseWriter) bool { refuse(403, `{"message":"no"}`)(w); return true }
		}, 0, "403"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &writer{form: tms.Wrapped}
			five := full
			five.Count = 5
			s.add(plain(five))
			tt.change(s)
			session := sessionOf(t, s, tms.Auto)
			was, err := session.RegistrationToken(t.Context(), "1")
			if err != nil {
				t.Fatal(err)
			}
			is, err := session.UpdateRegistrationToken(t.Context(), was, raise)
			if is.Count != tt.want || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("count %d and %v, want %d and %q", is.Count, err, tt.want, tt.says)
			}
		})
	}
}

// TestHalvesOfAShownTokenAreRedacted: the service shows a registration token, and
// repeats its user and its password in the error of a change and in a state.
func TestHalvesOfAShownTokenAreRedacted(t *testing.T) {
	const name, password = "regtoken-user-801", "S3cretPassb0ba14e1726dXYZ"
	row := func(state string) string {
		shown := base64.StdEncoding.EncodeToString([]byte(name + ":" + password))
		return fmt.Sprintf(`{"id":"1","identifier":"site-a","count":3,"state":%q,"token":%q}`, state, shown)
	}
	state := "ENABLE"
	session, _ := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPatch:
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"errorCode":"C","errorMessage":"cannot change for %s %s"}`, name, password)
		case strings.HasSuffix(r.URL.Path, "/1"):
			fmt.Fprintf(w, `{"registrationToken":%s}`, row(state))
		default:
			fmt.Fprintf(w, `{"registrationTokens":{"count":1,"registrationToken":[%s]}}`, row(state))
		}
	}), tms.Auto)
	hidden := func(text string) {
		t.Helper()
		if strings.Contains(text, name) || strings.Contains(text, password) {
			t.Errorf("a half of the registration token is in %q", text)
		}
	}
	r, err := session.RegistrationToken(t.Context(), "1")
	if err != nil || r.Token.IsZero() {
		t.Fatalf("%+v, %v", r, err)
	}
	count := 5
	_, err = session.UpdateRegistrationToken(t.Context(), r, admin.Change{Count: &count})
	f, ok := errors.AsType[*tms.Failure](err)
	if !ok || !strings.HasPrefix(f.Message, "cannot change for") {
		t.Fatalf("%v, want the service's words", err)
	}
	hidden(f.Message)
	state = "LOCKED " + password
	if r, err = session.RegistrationToken(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	hidden(r.Status)
	all, err := session.RegistrationTokens(t.Context(), admin.RegistrationFilter{})
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	hidden(all[0].Status)
}
