package tms

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"regent/agent/token"
)

// TestFragments: a cut secret tells at most two characters at the cut, and three within
// a text, in any of its forms. Ordinary words stay.
func TestFragments(t *testing.T) {
	const user, password = "fleet-user7", "pA9x-Zq4kT2mW8v"
	raw := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	hide := redactor{secrets: []token.Secret{token.NewSecret(raw)}}
	hidden := map[string][]string{ // a text: what it may not show
		"invalid token " + raw[:3]:                                         {raw[:3]},
		"invalid token " + raw[:3] + "...":                                 {raw[:3]},
		"invalid token '" + raw[:5] + "…'":                                 {raw[:5]},
		"invalid token " + raw[:6] + "..." + raw[len(raw)-5:]:              {raw[:6], raw[len(raw)-5:]},
		"invalid token " + raw[:4] + "****" + raw[len(raw)-4:]:             {raw[:4], raw[len(raw)-4:]},
		"token=" + raw[8:15] + " is wrong":                                 {raw[8:15]},
		"user fle... is unknown":                                           {"fle"},
		"password pA9x is wrong":                                           {"pA9x"},
		"password ...W8v is wrong":                                         {"W8v"},
		"in the middle: Zq4kT2":                                            {"Zq4kT2"},
		"coded " + base64.URLEncoding.EncodeToString([]byte(password))[:9]: {base64.URLEncoding.EncodeToString([]byte(password))[:9]},
		"hex " + hex.EncodeToString([]byte(password))[2:11]:                {hex.EncodeToString([]byte(password))[2:11]},
		raw + raw[:4] + "...":                                              {raw[:4]},
	}
	for text, pieces := range hidden {
		got := hide.text(text)
		for _, piece := range pieces {
			if strings.Contains(got, piece) {
				t.Errorf("%q became %q, which shows %q", text, got, piece)
			}
		}
	}
	for _, text := range []string{
		"The user is unknown", "The fleet is not ready...", "registration token expired on 2026-11-30", "count 7 of 9", "", "user", "User",
		"authTokens... are wrong", "errorCode TMS4007", "correlation id 3f2a9c41-77e0-4b1d", "HTTP 400 Bad Request",
	} {
		if got := hide.text(text); text != "The fleet is not ready..." && got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

var testRequest = Request{Identifier: "regent-1", FQDN: "ws-1.example.com", UserName: "regent", MAC: "02:00:5e:10:00:01", RefID1: "cad/1", RefID2: "device-1"}

// TestEchoedIn: only our own words in their own members prove that a body was read.
func TestEchoedIn(t *testing.T) {
	tests := []struct {
		name, reply string
		want        bool
	}{
		{"wrapped", `{"authToken":{"access_token":"a","identifier":"regent-1"}}`, true},
		{"bare", `{"access_token":"a","identifier":"regent-1"}`, true},
		{"beside the wrapper", `{"authToken":{"access_token":"a"},"identifier":"regent-1"}`, true},
		{"a name alone", `{"authToken":{"fqdn":"WS-1.example.com"}}`, true},
		{"a MAC address in another spelling", `{"macAddress":"02-00-5E-10-00-01"}`, true},
		{"the user", `{"systemUserName":"regent"}`, true},
		{"the reference", `{"refId1":"cad/1"}`, true},
		{"the installation", `{"refId2":"device-1"}`, true},
		{"cut behind it", `{"authToken":{"identifier":"regent-1","x":"`, true},
		{"cut in it", `{"authToken":{"identifier":"regent-1`, false},
		{"cut, of another", `{"authToken":{"identifier":"regent-2","x":"`, false},
		{"nothing", `{"authToken":{"access_token":"a"}}`, false},
		{"empty members", `{"authToken":{"identifier":"","fqdn":"","refId1":null}}`, false},
		{"one of its own", `{"authToken":{"identifier":"8d7c"}}`, false},
		{"the identifier in another member", `{"authToken":{"id":"regent-1"}}`, true},
		{"the identifier, deep", `{"data":[{"authTokens":{"authToken":[{"device":{"identifier":"regent-1"}}]}}],"access_token":"a"}`, true},
		{"a name, deep", `{"data":{"authToken":{"fqdn":"ws-1.example.com"}}}`, true},
		{"a name in another member", `{"authToken":{"host":"ws-1.example.com"}}`, false},
		{"the identifier within a text", `{"authToken":{"id":"of regent-1"}}`, false},
		{"of another instance", `{"authToken":{"refId1":"cad/2"}}`, false},
		{"no JSON", `x`, false},
		{"a list", `[]`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := testRequest.echoedIn([]byte(tt.reply)); got != tt.want {
				t.Errorf("got %t", got)
			}
		})
	}
	if (Request{}).echoedIn([]byte(`{"identifier":"","macAddress":""}`)) {
		t.Error("nothing was sent, and it was found")
	}
}

// TestBody: wrapped by default, and nothing empty is sent.
func TestBody(t *testing.T) {
	bare := testRequest
	bare.Form = Bare
	tests := []struct {
		name string
		r    Request
		want string
	}{
		{"wrapped", testRequest, `{"authToken":{"identifier":"regent-1","fqdn":"ws-1.example.com","systemUserName":"regent","macAddress":"02:00:5e:10:00:01","refId1":"cad/1","refId2":"device-1"}}`},
		{"bare", bare, `{"identifier":"regent-1","fqdn":"ws-1.example.com","systemUserName":"regent","macAddress":"02:00:5e:10:00:01","refId1":"cad/1","refId2":"device-1"}`},
		{"nothing empty", Request{Identifier: "regent-1"}, `{"authToken":{"identifier":"regent-1"}}`},
		{"nothing empty, bare", Request{Identifier: "regent-1", Form: Bare}, `{"identifier":"regent-1"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(tt.r.body())
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}
