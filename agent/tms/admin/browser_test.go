package admin_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"regent/agent/tms"
	"regent/agent/tms/admin"
)

// provider is an identity provider with a browser login. It gives the code "c0de".
type provider struct {
	*httptest.Server
	issuer    string // that its description names; "" for its own address
	methods   string
	challenge string // of the last page
	exchanges int
}

func newProvider(t *testing.T) *provider {
	p := &provider{methods: `["plain","S256"]`}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /token/api/v5/idpConfigurations", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"tokenEndpoint":"%s/auth/","realm":"ems"}`, p.URL)
	})
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		issuer := p.issuer
		if issuer == "" {
			issuer = p.URL
		}
		fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":"%s/page?policy=x","token_endpoint":"%[2]s/oauth/token","code_challenge_methods_supported":%s}`, issuer, p.URL, p.methods)
	})
	exchange := func(w http.ResponseWriter, r *http.Request) {
		p.exchanges++
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if r.FormValue("grant_type") != "authorization_code" || r.FormValue("code") != "c0de" || base64.RawURLEncoding.EncodeToString(sum[:]) != p.challenge ||
			!strings.HasPrefix(r.FormValue("redirect_uri"), "http://127.0.0.1:") {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"no good: %s %s"}`, r.FormValue("code"), r.FormValue("code_verifier"))
			return
		}
		fmt.Fprintf(w, `{"access_token":"of-%s","refresh_token":"r","expires_in":300}`, r.FormValue("client_id"))
	}
	mux.HandleFunc("POST /auth/realms/ems/protocol/openid-connect/token", exchange)
	mux.HandleFunc("POST /oauth/token", exchange)
	mux.HandleFunc("GET /token/api/v5/authTokens", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `[{"id":1,"fqdn":%q}]`, r.Header.Get("Authorization"))
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// get is what a browser does with an address, following no redirect.
func get(t *testing.T, address string, change func(*http.Request)) (status int, location, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	if err != nil {
		t.Error(err)
		return 0, "", ""
	}
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Error(err)
		return 0, "", ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer.StatusCode, answer.Header.Get("Location"), string(text)
}

// TestLoginByBrowser: of what comes back one answer is taken, if it is the awaited one.
func TestLoginByBrowser(t *testing.T) {
	type back struct{ redirect, state, issuer string } // what the page sends a browser back with
	good := func(b back) string { return b.redirect + "?code=c0de&state=" + b.state }
	tests := []struct {
		name    string
		own     bool // the tenant has an identity provider of its own
		prepare func(*provider)
		browse  func(*testing.T, back)
		want    string // the error; "" for none
	}{
		{"the tenant's Keycloak", false, nil, nil, ""},
		{"an own identity provider", true, nil, nil, ""},
		{"says who it is", true, nil, func(t *testing.T, b back) { get(t, good(b)+"&iss="+url.QueryEscape(b.issuer), nil) }, ""},
		{"another one answers", true, nil, func(t *testing.T, b back) { get(t, good(b)+"&iss=https://evil.example.com", nil) }, "from another identity provider"},
		{"describes another", true, func(p *provider) { p.issuer = "https://evil.example.com" }, nil, "describes another issuer"},
		{"no PKCE", true, func(p *provider) { p.methods = `["plain"]` }, nil, "PKCE with S256"},
		{"refused", false, nil, func(t *testing.T, b back) {
			get(t, b.redirect+"?error=access_denied&error_description=not+you&state="+b.state, nil)
		}, "refused: access_denied not you"},
		{"no code", false, nil, func(t *testing.T, b back) { get(t, b.redirect+"?state="+b.state, nil) }, "the reply has no code"},
		{"a wrong code", false, nil, func(t *testing.T, b back) { get(t, b.redirect+"?code=stolen&state="+b.state, nil) }, "answered 400"},
		{"others come first", false, nil, func(t *testing.T, b back) {
			for _, other := range []string{b.redirect, b.redirect + "?code=evil", b.redirect + "?code=evil&state=x", strings.TrimSuffix(b.redirect, "/regent") + "/?code=c0de&state=" + b.state} {
				if status, _, body := get(t, other, nil); status != 400 && status != 404 || strings.Contains(body, "evil") {
					t.Errorf("%s: %d %s", other, status, body)
				}
			}
			if status, _, _ := get(t, good(b), func(r *http.Request) { r.Host = "evil.example.com" }); status != http.StatusMisdirectedRequest {
				t.Errorf("another host: %d", status)
			}
			if status, _, _ := get(t, good(b), func(r *http.Request) { r.Method = http.MethodPost }); status != http.StatusMethodNotAllowed {
				t.Errorf("POST: %d", status)
			}
			get(t, good(b), nil)
		}, ""},
		{"a second answer", false, nil, func(t *testing.T, b back) {
			status, location, _ := get(t, good(b), nil)
			if status != http.StatusSeeOther || b.redirect+"/done" != strings.TrimSuffix(b.redirect, "/regent")+location {
				t.Errorf("%d to %s", status, location)
			}
			if status, _, _ := get(t, b.redirect+"?code=evil&state="+b.state, nil); status != http.StatusBadRequest {
				t.Errorf("second answer: %d", status)
			}
		}, ""},
		{"nobody answers", false, nil, func(*testing.T, back) {}, "no reply within"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newProvider(t)
			if tt.prepare != nil {
				tt.prepare(p)
			}
			b := admin.Browser{Scopes: []string{"openid"}, Timeout: time.Minute}
			if strings.Contains(tt.want, "within") {
				b.Timeout = 10 * time.Millisecond
			}
			client := "ems-scl-public-client"
			if tt.own {
				b.Issuer, b.ClientID, client = p.URL, "mine", "mine"
			}
			done := make(chan struct{})
			b.Show = func(page string) {
				u, err := url.Parse(page)
				if err != nil {
					t.Fatal(err)
				}
				q := u.Query()
				p.challenge = q.Get("code_challenge")
				for name, want := range map[string]string{"response_type": "code", "client_id": client, "code_challenge_method": "S256", "scope": "openid"} {
					if q.Get(name) != want {
						t.Errorf("%s is %q, want %q, in %s", name, q.Get(name), want, page)
					}
				}
				if tt.own != (q.Get("policy") == "x") {
					t.Errorf("the page is %s", page)
				}
				at := back{q.Get("redirect_uri"), q.Get("state"), p.URL}
				go func() {
					defer close(done)
					if tt.browse == nil {
						get(t, good(at), nil)
					} else {
						tt.browse(t, at)
					}
					if b.Timeout == time.Minute { // an answer was sent: the last page follows, whatever it said
						if status, _, _ := get(t, at.redirect+"/done", nil); status != http.StatusOK {
							t.Errorf("the last page: %d", status)
						}
					}
				}()
			}
			session, err := clientFor(t, p.URL, nil).LoginByBrowser(t.Context(), b)
			if p.challenge != "" {
				<-done
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if err != nil {
				return
			}
			list, err := session.AuthTokens(t.Context(), admin.AuthFilter{})
			if err != nil || len(list) != 1 || list[0].FQDN != "Bearer of-"+client || p.exchanges != 1 {
				t.Errorf("%v, %v, after %d exchanges", list, err, p.exchanges)
			}
		})
	}
}

// TestBrowserSecrets: neither the code nor the verifier is told, even if the identity
// provider repeats them.
func TestBrowserSecrets(t *testing.T) {
	p := newProvider(t)
	done := make(chan struct{})
	b := admin.Browser{Timeout: time.Minute, Show: func(page string) {
		u, _ := url.Parse(page)
		if strings.Contains(page, "verifier") {
			t.Errorf("the page is %s", page)
		}
		p.challenge = "another"
		redirect := u.Query().Get("redirect_uri")
		go func() {
			defer close(done)
			get(t, redirect+"?code=stolen-c0de&state="+u.Query().Get("state"), nil)
			get(t, redirect+"/done", nil)
		}()
	}}
	_, err := clientFor(t, p.URL, nil).LoginByBrowser(t.Context(), b)
	<-done
	if f, ok := failureOf(err); !ok || !strings.Contains(f.Message, "no good: [redacted] [redacted]") {
		t.Errorf("got %v", err)
	}
}

// TestBrowserEnded: a session by browser asks nobody for a password.
func TestBrowserEnded(t *testing.T) {
	p := newProvider(t)
	session := clientFor(t, p.URL, nil).Resume(admin.Bearer{}, func() (admin.Credentials, error) { return nil, admin.ErrBrowser })
	if _, err := session.AuthTokens(t.Context(), admin.AuthFilter{}); !errors.Is(err, admin.ErrBrowser) {
		t.Errorf("got %v", err)
	}
}

func failureOf(err error) (*tms.Failure, bool) { return errors.AsType[*tms.Failure](err) }
