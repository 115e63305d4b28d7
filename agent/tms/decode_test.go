package tms

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/token"
)

var date = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

const tenYears = 10 * 365 * 24 * time.Hour

func jwt(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func TestAuthTokenOf(t *testing.T) {
	want := AuthToken{
		ID: "17", Access: token.NewSecret("A"), Refresh: token.NewSecret("R"),
		TTL: 5 * time.Minute, RefreshTTL: 30 * time.Minute,
	}
	tests := []struct {
		name, body string
		change     func(*AuthToken)
	}{
		{"bare", `{"id":"17","access_token":"A","refresh_token":"R","expires_in":300,"refresh_expires_in":1800}`, nil},
		{"wrapped", `{"authToken":{"id":"17","access_token":"A","refresh_token":"R","expires_in":300,"refresh_expires_in":1800}}`, nil},
		{"camel case", `{"id":"17","accessToken":"A","refreshToken":"R","expiresIn":300,"refreshExpiresIn":1800}`, nil},
		{"called token", `{"id":"17","token":"A","refresh_token":"R","expires_in":300,"refresh_expires_in":1800}`, nil},
		{"numbers as strings", `{"id":17,"access_token":"A","refresh_token":"R","expires_in":"300","refresh_expires_in":"1800"}`, nil},
		{"authToken is its text", `{"authToken":"x","id":"17","access_token":"A","refresh_token":"R","expires_in":3e2,"refresh_expires_in":1800.0}`, nil},
		{
			"refresh life unknown", `{"id":"17","access_token":"A","refresh_token":"R","expires_in":300,"refresh_expires_in":0}`,
			func(a *AuthToken) { a.RefreshTTL = 0 },
		},
		{
			"refresh life absent", `{"id":"17","access_token":"A","refresh_token":"R","expires_in":300,"refresh_expires_in":null}`,
			func(a *AuthToken) { a.RefreshTTL = 0 },
		},
		{
			"no rotation", `{"id":"17","access_token":"A","expires_in":300,"refresh_expires_in":1800}`,
			func(a *AuthToken) { a.Refresh = token.Secret{} },
		},
		{
			"for ever", `{"id":"17","access_token":"A","refresh_token":"R","expires_in":1e999,"refresh_expires_in":9223372036854775807}`,
			func(a *AuthToken) { a.TTL, a.RefreshTTL = tenYears, tenYears },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := want
			if tt.change != nil {
				tt.change(&want)
			}
			got, err := authTokenOf([]byte(tt.body), date, Forms{})
			got.Form = Form{} // see the variants
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAuthTokenOfExp(t *testing.T) {
	tests := []struct {
		name, claims string
		want         time.Duration
	}{
		{"an hour by the server's clock", `{"exp":1795424400}`, time.Hour},
		{"with a fraction", `{"exp":1795424400.5}`, time.Hour + 500*time.Millisecond},
		{"for ever", `{"exp":1e300}`, tenYears},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := authTokenOf([]byte(`{"token":"`+jwt(tt.claims)+`"}`), date, Forms{})
			if err != nil {
				t.Fatal(err)
			}
			if got.TTL != tt.want {
				t.Errorf("got %s, want %s", got.TTL, tt.want)
			}
		})
	}
}

// TestAuthTokenOfKeeps: an answer that carries a token was paid for, so it is
// kept whatever it says of lifetimes.
func TestAuthTokenOfKeeps(t *testing.T) {
	jwtUntil := func(exp string) string { return jwt(`{"exp":` + exp + `}`) }
	tests := []struct {
		name, body      string
		access, refresh string
		ttl, refreshTTL time.Duration
	}{
		{"a life of 0", `{"token":"A","refresh_token":"R","expires_in":0,"refresh_expires_in":0}`, "A", "R", 0, 0},
		{"in the past", `{"token":"A","refresh_token":"R","expires_in":-1,"refresh_expires_in":-1}`, "A", "R", 0, expired},
		{"long past", `{"token":"A","expires_in":-1e300}`, "A", "", 0, 0},
		{"too short to count", `{"token":"A","expires_in":1e-12}`, "A", "", 0, 0},
		{"a fraction", `{"token":"A","refresh_token":"R","expires_in":0.25,"refresh_expires_in":"0.5"}`, "A", "R", 250 * time.Millisecond, 500 * time.Millisecond},
		{"no number", `{"token":"A","expires_in":"soon"}`, "A", "", assumedLife, 0},
		{"a list", `{"token":"A","expires_in":[300]}`, "A", "", assumedLife, 0},
		{"the first is no number", `{"token":"A","expires_in":"soon","expiresIn":60}`, "A", "", time.Minute, 0},
		{"refresh life no number", `{"token":"A","refresh_token":"R","expires_in":300,"refresh_expires_in":"never"}`, "A", "R", 5 * time.Minute, 0},
		{"opaque, and no life", `{"token":"A"}`, "A", "", assumedLife, 0},
		{"no base64", `{"token":"A.!.C"}`, "A.!.C", "", assumedLife, 0},
		{"no claims", `{"token":"` + jwt(`[]`) + `"}`, jwt(`[]`), "", assumedLife, 0},
		{"no exp", `{"token":"` + jwt(`{}`) + `"}`, jwt(`{}`), "", assumedLife, 0},
		{"exp no number", `{"token":"` + jwtUntil(`"soon"`) + `"}`, jwtUntil(`"soon"`), "", assumedLife, 0},
		{"expired", `{"token":"` + jwtUntil(`1795420800`) + `"}`, jwtUntil(`1795420800`), "", 0, 0},
		{"a life of 0, and a JWT that knows better", `{"token":"` + jwtUntil(`1795420860`) + `","expires_in":0}`, jwtUntil(`1795420860`), "", time.Minute, 0},
		{"a JWT that ends sooner than the answer says", `{"token":"` + jwtUntil(`1795420860`) + `","expires_in":1e99}`, jwtUntil(`1795420860`), "", time.Minute, 0},
		{"a JWT that ends later", `{"token":"` + jwtUntil(`1795420860`) + `","expires_in":30}`, jwtUntil(`1795420860`), "", 30 * time.Second, 0},
		{"the refresh token tells its own end", `{"token":"A","refresh_token":"` + jwtUntil(`1795420860`) + `","expires_in":60}`, "A", jwtUntil(`1795420860`), time.Minute, time.Minute},
		{"a refresh token that is over", `{"token":"A","refresh_token":"` + jwtUntil(`1795420000`) + `","expires_in":60,"refresh_expires_in":0}`, "A", jwtUntil(`1795420000`), time.Minute, expired},
		{"a refresh token without an end", `{"token":"A","refresh_token":"` + jwtUntil(`0`) + `","expires_in":60,"refresh_expires_in":0}`, "A", jwtUntil(`0`), time.Minute, 0},
		{"a refresh token alone", `{"refresh_token":"R","expires_in":60}`, "", "R", 0, 0},
		{"beside an access token of two lines", `{"token":"A\nB","refresh_token":"R","expires_in":60}`, "", "R", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := authTokenOf([]byte(tt.body), date, Forms{})
			if err != nil {
				t.Fatal(err)
			}
			if got.Access.Reveal() != tt.access || got.Refresh.Reveal() != tt.refresh {
				t.Errorf("tokens %q and %q, want %q and %q", got.Access.Reveal(), got.Refresh.Reveal(), tt.access, tt.refresh)
			}
			if got.TTL != tt.ttl || got.RefreshTTL != tt.refreshTTL {
				t.Errorf("lives %s and %s, want %s and %s", got.TTL, got.RefreshTTL, tt.ttl, tt.refreshTTL)
			}
		})
	}
}

func TestAuthTokenOfRefuses(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"nothing", ``, "no JSON object"},
		{"null", `null`, "no JSON object"},
		{"two that differ", `{"a":{"token":"A"}} {"a":{"token":"B"}}`, "several objects"},
		{"a page", `<html><input name="access_token" value="A"> access_token="A" refresh_token="R"</html>`, "no JSON object"},
		{"cut before the refresh token", `{"access_token":"A","refresh_token":"R`, "no JSON object"},
		{"a number", `{"token":12345}`, "no access token"},
		{"no token", `{"expires_in":300}`, "no access token"},
		{"a token of two lines", `{"token":"A\nB","expires_in":300}`, "cannot stand in a header"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := authTokenOf([]byte(tt.body), date, Forms{}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestProviderOf(t *testing.T) {
	const in = `{"tokenEndpoint":"https://idp/auth/","realm":"ems","clientId":"c"}`
	found := Provider{TokenEndpoint: "https://idp/auth/", Realm: "ems", ClientID: "c"}
	nested := func(n int) string { return strings.Repeat("[", n) + in + strings.Repeat("]", n) }
	tests := []struct {
		name, body string
		want       Provider
		err        string
	}{
		{"bare", in, found, ""},
		{"in a list", `[{}, 1, null, ` + in + `]`, found, ""},
		{"wrapped", `{"idpConfigurations":[` + in + `]}`, found, ""},
		{"the first of two, in the document's order", `{"z":` + in + `,"a":{"tokenEndpoint":"https://other/","realm":"x"}}`, found, ""},
		{"the outer of two", strings.Replace(in, `{`, `{"a":{"tokenEndpoint":"https://other/","realm":"x"},`, 1), found, ""},
		{"no client", strings.Replace(in, "clientId", "client", 1), Provider{"https://idp/auth/", "ems", defaultClientID}, ""},
		{"in three objects", `{"idp":[{"keycloak":{"realm":"ems","settings":{"tokenEndpoint":"https://idp/auth/"}},"client":{"clientId":"c"}}]}`, found, ""},
		{"the realm twice", `{"a":{"tokenEndpoint":"https://idp/auth/","clientId":"c"},"b":[{"realm":"ems"},{"realm":"ems"}]}`, found, ""},
		{"two realms", `{"a":{"tokenEndpoint":"https://idp/auth/"},"b":[{"realm":"ems"},{"realm":"other"}]}`, Provider{}, "no realm"},
		{"two clients", `{"a":{"tokenEndpoint":"https://idp/auth/","realm":"ems"},"b":[{"clientId":"x"},{"clientId":"y"}]}`, Provider{"https://idp/auth/", "ems", defaultClientID}, ""},
		{"deep", nested(15), found, ""},
		{"too deep", nested(16), Provider{}, "no object with tokenEndpoint"},
		{"far too deep", nested(20000), Provider{}, "no JSON"},
		{"none", `{"idpConfigurations":[]}`, Provider{}, "no object with tokenEndpoint"},
		{"no string", `{"tokenEndpoint":{},"realm":"ems"}`, Provider{}, "tokenEndpoint is empty"},
		{"no realm", `{"tokenEndpoint":"https://idp/"}`, Provider{}, "no realm"},
		{"a realm that climbs", `{"tokenEndpoint":"https://idp/","realm":".."}`, Provider{}, "no realm"},
		{"no JSON", `<html>`, Provider{}, "no JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := providerOf([]byte(tt.body))
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got error %v, want %q", err, tt.err)
			}
		})
	}
}

func TestTokenURL(t *testing.T) {
	const want = "https://idp/auth/realms/ems/protocol/openid-connect/token"
	for _, endpoint := range []string{"https://idp/auth/", "https://idp/auth", want} {
		if got := tokenURL(Provider{TokenEndpoint: endpoint, Realm: "ems"}); got != want {
			t.Errorf("%s: got %s, want %s", endpoint, got, want)
		}
	}
	got := tokenURL(Provider{TokenEndpoint: "https://idp/", Realm: "a/b?c"})
	if want := "https://idp/realms/a%2Fb%3Fc/protocol/openid-connect/token"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
