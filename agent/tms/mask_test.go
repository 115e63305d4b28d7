package tms

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"regent/agent/token"
)

// TestMask: a mask finds the same pieces in short texts as the token itself, and contains
// none of them.
func TestMask(t *testing.T) {
	const user, password = "reg-7c1e41", "S3cret+Pass/b39@x"
	registration := token.NewSecret(base64.StdEncoding.EncodeToString([]byte(user + ":" + password)))
	mask := NewMask(registration)
	if bytes.Contains(mask, []byte("7c1e")) || bytes.Contains(mask, []byte("Pass")) {
		t.Error("the mask has a piece of the token")
	}
	hide := redactor{masks: []Mask{mask}}
	for _, said := range []string{
		password, user, user + ":" + password, registration.Reveal(), strings.ToUpper(password), url.QueryEscape(password), url.PathEscape(password),
		base64.StdEncoding.EncodeToString([]byte(password)), base64.StdEncoding.EncodeToString([]byte("x" + registration.Reveal())),
	} {
		if got := hide.text("refused: " + said + "."); got != withheld {
			t.Errorf("%s: got %q, want it withheld", said, got)
		}
	}
	const harmless = "The refresh token of this client has expired on 2026-11-30, error 1001."
	if got := hide.text(harmless); got != harmless {
		t.Errorf("got %q, want it whole", got)
	}
	if NewMask(token.Secret{}) != nil {
		t.Error("no token has a mask")
	}
}

// TestRefreshShowsNoRegistration: a service that repeats the registration token in the
// refusal of a refresh is not quoted, in each mode, with the token and with its mask.
func TestRefreshShowsNoRegistration(t *testing.T) {
	const user, password = "reg-7c1e41", "S3cretPassb39"
	registration := token.NewSecret(base64.StdEncoding.EncodeToString([]byte(user + ":" + password)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		w.Write([]byte(`{"errorCode":"E-` + user + `","errorMessage":"not ` + url.QueryEscape(password) + ` of ` + registration.Reveal() + `"}`))
	}))
	defer server.Close()
	c, err := New(Options{Tenant: server.URL, Proxy: "none", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	provider := Provider{TokenEndpoint: server.URL + "/token", ClientID: "c"}
	for _, mode := range []string{ModeOIDC, ModeTMS, ModeTMSRegistration} {
		for name, r := range map[string]RefreshRequest{"kept": {Registration: registration}, "wiped": {Mask: NewMask(registration)}} {
			if mode == ModeTMSRegistration {
				r.Registration = registration
			}
			r.Mode, r.Provider, r.AuthTokenID, r.Refresh = mode, provider, "a-1", token.NewSecret("refresh-token-1")
			_, err := c.Refresh(t.Context(), r)
			if err == nil || strings.Contains(err.Error(), "7c1e") || strings.Contains(err.Error(), "Pass") {
				t.Errorf("%s, %s: the error says %v", mode, name, err)
			}
		}
	}
}
