package emulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"regent/agent/tms/emulator"
)

// get reads a document of the identity provider.
func (f *fixture) get(url string, into any) {
	f.t.Helper()
	r := f.send(httptest.NewRequest(http.MethodGet, url, http.NoBody))
	r.want(f.t, http.StatusOK)
	must(f, json.Unmarshal([]byte(r.body), into))
}

// TestAccessToken verifies an access token as an application's server would:
// from discovery to the key to the claims.
func TestAccessToken(t *testing.T) {
	f := newFixture(t, emulator.Knobs{AccessLifetime: 90 * time.Second, ClockOffset: time.Hour})
	g := f.redeem(f.issue(1), "a").grant(t, http.StatusCreated)
	if g.ExpiresIn != 90 {
		t.Errorf("expires_in %d, want 90", g.ExpiresIn)
	}
	var document struct {
		Issuer string
		JWKS   string `json:"jwks_uri"`
		Token  string `json:"token_endpoint"`
	}
	f.get("https://"+host+"/auth/realms/ems/.well-known/openid-configuration", &document)
	if document.Token != "https://"+host+tokenURL {
		t.Errorf("token_endpoint %s, want %s", document.Token, tokenURL)
	}
	var keys jose.JSONWebKeySet
	f.get(document.JWKS, &keys)

	token, err := jwt.ParseSigned(g.AccessToken, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	found := keys.Key(token.Headers[0].KeyID)
	if len(found) != 1 || !found[0].IsPublic() {
		t.Fatalf("keys %v, want one that is public", found)
	}
	var got jwt.Claims
	var more struct {
		Typ string `json:"typ"`
		Azp string `json:"azp"`
	}
	if err := token.Claims(found[0], &got, &more); err != nil {
		t.Fatal(err)
	}
	want := jwt.Claims{
		ID: got.ID, Issuer: document.Issuer, Subject: g.ID,
		IssuedAt: jwt.NewNumericDate(startTime.Add(time.Hour)),
		Expiry:   jwt.NewNumericDate(startTime.Add(time.Hour + 90*time.Second)),
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("claims (-got +want):\n%s", diff)
	}
	if more.Typ != "Bearer" || more.Azp != client {
		t.Errorf("%+v, want a bearer token for %s", more, client)
	}
}

// TestForgedAccessTokens: who signs with another key, or with none, is nobody.
func TestForgedAccessTokens(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	good := strings.TrimPrefix(f.admin(), "Bearer ")
	parts := strings.Split(good, ".")
	another := strings.TrimPrefix(newFixture(t, emulator.Knobs{}).admin(), "Bearer ")
	const none = "eyJhbGciOiJub25lIn0" // {"alg":"none"}
	for name, forged := range map[string]string{
		"another key":      another,
		"another's claims": parts[0] + "." + strings.Split(another, ".")[1] + "." + parts[2],
		"no signature":     parts[0] + "." + parts[1] + ".",
		"algorithm none":   none + "." + parts[1] + ".",
	} {
		t.Run(name, func(t *testing.T) {
			f.call("GET", "/authTokens", "Bearer "+forged, "").want(t, http.StatusUnauthorized)
		})
	}
	f.call("GET", "/authTokens", "Bearer "+good, "").want(t, http.StatusOK)
}

func TestOtherRealm(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	for _, path := range []string{".well-known/openid-configuration", "protocol/openid-connect/certs"} {
		f.send(httptest.NewRequest(http.MethodGet, "/auth/realms/other/"+path, http.NoBody)).want(t, http.StatusNotFound)
	}
	f.send(httptest.NewRequest(http.MethodPost, "/auth/realms/other/protocol/openid-connect/token", http.NoBody)).want(t, http.StatusNotFound)
}

// TestTokenPath: idpConfigurations leads to the token endpoint, wherever it is.
func TestTokenPath(t *testing.T) {
	for _, path := range []string{"/auth/", "/"} {
		e, err := emulator.New(emulator.Options{TokenPath: path, Realm: "other"})
		if err != nil {
			t.Fatal(err)
		}
		f := &fixture{Emulator: e, t: t}
		var d struct {
			IDPConfigurations []struct{ TokenEndpoint, Realm, ClientID string }
		}
		must(f, json.Unmarshal([]byte(f.call("GET", "/idpConfigurations", "", "").body), &d))
		idp := d.IDPConfigurations[0]
		if idp.TokenEndpoint != "https://"+host+path || idp.Realm != "other" || idp.ClientID != client {
			t.Fatalf("%+v, want %s", idp, path)
		}
		form := "grant_type=password&client_id=" + client + "&username=admin&password=" + e.Credentials().Password
		r := httptest.NewRequest(http.MethodPost, idp.TokenEndpoint+"realms/"+idp.Realm+"/protocol/openid-connect/token", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		f.send(r).want(t, http.StatusOK)
	}
}

// TestClientSecretAsBasic: a confidential client may use HTTP Basic.
func TestClientSecretAsBasic(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	r := httptest.NewRequest(http.MethodPost, tokenURL, strings.NewReader("grant_type=client_credentials"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(f.Credentials().ClientID, f.Credentials().ClientSecret)
	g := f.send(r).grant(t, http.StatusOK)
	f.call("GET", "/registrationTokens", "Bearer "+g.AccessToken, "").want(t, http.StatusOK)
}
