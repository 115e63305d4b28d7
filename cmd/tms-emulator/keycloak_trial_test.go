//go:build unix

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// userPerToken stands before an emulator and makes each registration token a Keycloak user:
// its auth tokens are sessions of that user (A). Enabling, disabling and deleting the
// registration token does the same to the user.
type userPerToken struct {
	k    *keycloak
	next http.Handler

	mu   sync.Mutex
	sets map[string]func(enabled bool) // by the id of the registration token
}

func (o *userPerToken) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // the emulator refuses a body that is cut
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	o.next.ServeHTTP(answer, r)
	text := answer.Body.Bytes()
	collection, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/token/api/v5/"), "/")
	switch what := r.Method + " " + collection; {
	case answer.Code/100 != 2:
	case what == "POST registrationTokens":
		o.add(text)
	case what == "PATCH registrationTokens":
		o.set(id, !bytes.Contains(body, []byte(`"DISABLE"`)))
	case what == "DELETE registrationTokens":
		o.set(id, false)
	case what == "POST authTokens":
		user, password, _ := r.BasicAuth()
		text = o.open(text, user, password)
	}
	answer.Header().Del("Content-Length")
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(text) // its reader says what is missing
}

// add makes the user of a registration token.
func (o *userPerToken) add(reply []byte) {
	var made struct {
		RegistrationToken struct{ ID, Token string }
	}
	if err := json.Unmarshal(reply, &made); err != nil {
		o.k.t.Error(err)
		return
	}
	plain, err := base64.StdEncoding.DecodeString(made.RegistrationToken.Token)
	if err != nil {
		o.k.t.Error(err)
		return
	}
	user, password, _ := strings.Cut(string(plain), ":")
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sets[made.RegistrationToken.ID] = o.k.user(user, password)
}

func (o *userPerToken) set(id string, enabled bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if set := o.sets[id]; set != nil {
		set(enabled)
	}
}

// open puts the tokens of a new session of the user into the reply to a redemption.
func (o *userPerToken) open(reply []byte, user, password string) []byte {
	var redeemed struct{ AuthToken map[string]any }
	form := url.Values{"grant_type": {"password"}, "client_id": {"ems-scl-public-client"}, "username": {user}, "password": {password}}
	err := json.Unmarshal(reply, &redeemed)
	if err == nil {
		err = o.k.do(http.MethodPost, "realms/ems/protocol/openid-connect/token", "application/x-www-form-urlencoded", "", form.Encode(), &redeemed.AuthToken)
	}
	if err != nil {
		o.k.t.Error(err)
	}
	text, err := json.Marshal(map[string]any{"authToken": redeemed.AuthToken})
	if err != nil {
		o.k.t.Error(err)
	}
	return text
}

// runTrials makes tmsctl trial with Keycloak behind the service: with a user for each auth
// token, and with one for each registration token.
func runTrials(t *testing.T, k *keycloak, bin string) {
	k.set(map[string]any{"accessTokenLifespan": 300, "revokeRefreshToken": true, "refreshTokenMaxReuse": 0})
	p := start(t, "--idp", k.url, "--idp-client-secret-file", secretIn(t, realmSecret))
	for _, tt := range []struct {
		name string
		one  bool
		want []string
	}{
		{"a user for each auth token", false, []string{
			"disable ends auth tokens  A   no:", "delete ends auth tokens   A   no:", "its own refresh: refused, refresh of another auth",
		}},
		{"a user for each registration token", true, []string{
			"disable ends auth tokens  A   yes:", "it works again after enabling", "delete ends auth tokens   A   yes:", "its own refresh: works, refresh of another auth",
		}},
	} {
		t.Run("trial, "+tt.name, func(t *testing.T) {
			k.t = t
			front := p
			if tt.one {
				front = inFrontOf(t, k, p)
			}
			d := newDevice(t, bin, front)
			out := string(d.run("tmsctl", d.admin("trial", "--yes", "--config", d.path("contract.yaml"))...))
			plain := strings.Join(strings.Fields(out), " ")
			for _, want := range append(tt.want, "refresh A oidc", "counts used: 3", "3 of 3 counts are used") {
				if !strings.Contains(plain, strings.Join(strings.Fields(want), " ")) {
					t.Errorf("want %q in\n%s", want, out)
				}
			}
			t.Log(lineWith(out, "disable ends auth tokens"))
			t.Log(lineWith(out, "delete ends auth tokens"))
			if text := read(t, d.path("contract.yaml")); !strings.Contains(text, "  request: wrapped\n  request_confirmed: true\n") || !strings.Contains(text, "  mode: oidc\n") {
				t.Errorf("the configuration is\n%s", text)
			}
			for _, what := range []string{"registration-token", "auth-token"} {
				if left := string(d.run("tmsctl", d.admin("--json", what, "list")...)); left != "[]\n" {
					t.Errorf("left behind: %s", left)
				}
			}
		})
	}
}

// inFrontOf puts a [userPerToken] before a program.
func inFrontOf(t *testing.T, k *keycloak, p *program) *program {
	t.Helper()
	u, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	next := httputil.NewSingleHostReverseProxy(u)
	next.Transport = p.client.Transport
	server := httptest.NewUnstartedServer(&userPerToken{k: k, next: next, sets: map[string]func(bool){}})
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &program{url: server.URL, ca: ca}
}
