package tms_test

import (
	"encoding/base64"
	"testing"

	"regent/agent/tms"
	"regent/agent/token"
)

// jwtWith is a token with these claims, and with no signature of anybody.
func jwtWith(claims string) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"HS512"}`) + "." + part(claims) + "." + part("x")
}

// TestClientFor: a refresh token that is the realm's own names the client that it
// was made for, and no other token does.
func TestClientFor(t *testing.T) {
	realm := tms.Provider{TokenEndpoint: "https://login.example.com/auth/", Realm: "ems", ClientID: "found"}
	whole := tms.Provider{TokenEndpoint: "https://login.example.com/realms/ems/protocol/openid-connect/token", Realm: "ems", ClientID: "found"}
	const iss = "https://login.example.com/auth/realms/ems"
	for _, tt := range []struct {
		name    string
		p       tms.Provider
		refresh string
		want    string
	}{
		{"the realm's", realm, jwtWith(`{"iss":"` + iss + `","azp":"devices"}`), "devices"},
		{"the realm's, in other letters", realm, jwtWith(`{"iss":"HTTPS://Login.Example.com:443/auth/realms/ems/","azp":"devices"}`), "devices"},
		{"an endpoint that is the whole URL", whole, jwtWith(`{"iss":"https://login.example.com/realms/ems","azp":"devices"}`), "devices"},
		{"another realm's", realm, jwtWith(`{"iss":"https://login.example.com/auth/realms/other","azp":"devices"}`), "found"},
		{"another host's", realm, jwtWith(`{"iss":"https://evil.example.com/auth/realms/ems","azp":"devices"}`), "found"},
		{"another port's", realm, jwtWith(`{"iss":"https://login.example.com:8443/auth/realms/ems","azp":"devices"}`), "found"},
		{"another scheme's", realm, jwtWith(`{"iss":"http://login.example.com/auth/realms/ems","azp":"devices"}`), "found"},
		{"a path of other letters", realm, jwtWith(`{"iss":"https://login.example.com/auth/realms/EMS","azp":"devices"}`), "found"},
		{"without azp", realm, jwtWith(`{"iss":"` + iss + `"}`), "found"},
		{"an azp that is no name", realm, jwtWith(`{"iss":"` + iss + `","azp":"a\u0000b"}`), "found"},
		{"an azp that is no text", realm, jwtWith(`{"iss":"` + iss + `","azp":["devices"]}`), "found"},
		{"without iss", realm, jwtWith(`{"azp":"devices"}`), "found"},
		{"an iss that is no text", realm, jwtWith(`{"iss":7,"azp":"devices"}`), "found"},
		{"no JSON", realm, jwtWith(`{`), "found"},
		{"no JWT", realm, "opaque", "found"},
		{"none", realm, "", "found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.p.ClientFor(token.NewSecret(tt.refresh)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
