package tms

import "testing"

// TestFormRefused: what a 400 says leads to the other form of the body only where
// it cannot be about a duplicate or about the registration token.
func TestFormRefused(t *testing.T) {
	tests := []struct {
		code, text string
		want       bool
	}{
		{"TOKENEXPIRED", "Bad request", false},
		{"E1", "Identifier taken", false},
		{"E1", "another auth token has this identifier", false},
		{"E1", "the registration token has run out", false},
		{"E1", "not yet valid", false},
		{"E1", "too many auth tokens", false},
		{"IDENTIFIERDUPLICATE", "Bad request", false},
		{"REGTOKENCOUNTEXCEEDED", "Bad request", false},
		{"REGTOKENCOUNTZERO", "", false},
		{"tokenalreadyused", "Bad request", false},
		{"INVALIDTOKEN", "", false},
		{"IDENTIFIERINUSE", "", false},
		{"TOKENNOTENABLED", "", false},
		{"409", "Bad request", false},
		{"E1", "nonunique identifier", false},
		{"E1", "preexisting identifier", false},
		{"E1", "regToken.isExpired", false},
		{"E1", "The token is no longer valid.", false},
		{"E1", "Der Token ist abgelaufen", false},
		{"E1", "Le jeton a expiré", false},
		{"E1", "identifier must be unique", false},
		{"E1", "The quota has been reached", false},
		{"E1", "no more activations available", false},
		{"E1", "validity period is over", false},
		{"E1", "0 remaining", false},
		{"E1", "blocked", false},
		{"E1", "The registration token was revoked", false},
		{"E1", "Token state is wrong", false},
		{"E1", "No counts are left", false},
		{"E1", "Invalid registration token", false},
		{"", withheld, false},
		{"E1", `Known fields: count, state. The token has expired.`, false},
		{"E1", `Allowed fields: count. The token has expired`, false},
		{"E1", `Unrecognized field "authToken": the identifier is a duplicate`, false},
		{"4000", `Unrecognized field "authToken" (class Request), not marked as ignorable (6 known properties: "count", "state", "expirationDate", "identifier"])`, true},
		{"4000", `Unrecognized field authToken, not marked as ignorable (6 known properties: count, state, identifier)`, true},
		{"4000", `Unrecognized field "authToken" (6 known properties: "count", "state", "usedCou`, true}, // cut
		{"4000", `Unknown property 'usedCount'; allowed fields: [count, state]`, true},
		{"4000", `Known fields: count, state, date`, true},
		{"BAD_REQUEST", "The request was refused, caused by a member that does not exist", true},
		{"INVALIDBODY", "Mandatory member identifier is missing; validate the template", true},
		{"accountError", "An unexpected delimiter was encountered.", true},
		{"PROPERTY_NOT_EXIST", "", true},
		{"", "Invalid request body.", true},
	}
	for _, tt := range tests {
		f := &Failure{Reach: Answered, Status: 400, ServiceShape: true, Code: tt.code, Message: tt.text}
		if got := f.FormRefused(); got != tt.want {
			t.Errorf("%s %q: got %t, want %t", tt.code, tt.text, got, tt.want)
		}
	}
}
