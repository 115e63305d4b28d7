package tms

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"regent/agent/token"
)

// refusedForm are codes and texts that can only be about the form of a body, as far
// as they tell.
var refusedForm = [][2]string{
	{"400", ""},
	{"BAD_REQUEST", ""},
	{"BADREQUEST", ""},
	{"", "Bad Request"},
	{"400", "Bad Request"},
	{"E1", "Bad request."},
	{"", "Invalid request body."},
	{"", "The request is invalid."},
	{"", "HTTP Status 400 - Bad Request"},
	{"4000", "JSON parse error: Cannot deserialize value of type `java.lang.String` from Object value (token `JsonToken.START_OBJECT`)"},
	{"", "Required request body is missing: com.example.AuthToken com.example.Api.add(com.example.AuthTokenRequest)"},
	{"", "json: cannot unmarshal object into Go value of type string"},
	{"", "The JSON value could not be converted to System.String. Path: $.identifier | LineNumber: 0 | BytePositionInLine: 12."},
	{"", "One or more validation errors occurred."},
	{"", "The authToken field is required."},
	{"", "Additional properties are not allowed ('authToken' was unexpected)"},
	{"", "The browser (or proxy) sent a request that this server could not understand."},
	{"", "The request could not be understood by the server due to malformed syntax."},
	{"INVALID_ARGUMENT", "Unknown name \"authToken\": Cannot find field."},
	{"VALIDATION_FAILED", "identifier: must not be null"},
	{"VALIDATION_FAILED", "identifier must not be blank; fqdn must not be blank"},
	{"40012", `Unrecognized field "identifier"`},
	{"TMS-4001", "Missing required member: authToken"},
	{"", "authToken is mandatory."},
	{"", "Property 'identifier' does not exist."},
	{"4000", `Unrecognized field "authToken" (class com.example.Request), not marked as ignorable (6 known properties: "count", "state", "expirationDate", "identifier", "maxCount"])`},
	{"E1", "Field authToken is not recognized"},
	{"4000", `Unrecognized field authToken, not marked as ignorable (6 known properties: count, state, identifier)`},
	{"4000", `Unknown property 'usedCount'; allowed fields: [count, state]`},
	{"4000", `Known fields: count, state, date`},
	{"BAD_REQUEST", "The request was refused, caused by a member that does not exist"},
	{"INVALIDBODY", "Mandatory member identifier is missing; validate the template format"},
	{"E17", "An unexpected delimiter was encountered in the payload of accounts."},
	{"PROPERTY_NOT_EXIST", ""},
	{"", "Request body must contain authToken"},
	{"", "Mandatory attribute 'authToken' not found in request."},
	{"", "Bad Request: body must be wrapped in authToken"},
	{"", "Cannot read property 'identifier' of undefined"},
	{"40012", ""},
	{"E17", ""},
	{"", "An unexpected error occurred."},
	{"", "Something went wrong"},
	{"accountError", "An unexpected delimiter was encountered."},
	{"", "Ungültige Anfrage"},
	{"", "Die Anfrage ist fehlerhaft"},
	{"", "An error occurred"},
	{"", "error"},
	{"", "bare please"},
	{"1001", ""},
	{"", "Cannot process request"},
	{"", "Entity authToken does not allow member authToken"},
	{"", "No identifier given"},
	{"", "No value present"},
	{"", "The server cannot or will not process the request due to something that is perceived to be a client error"},
	{"", "x"},
	{"", "Could not read document: Unexpected end-of-input"},
}

// otherwise are codes and texts that are about something else, or may be.
var otherwise = [][2]string{
	{"TOKENEXPIRED", "Bad request"},
	{"E1", "Identifier taken"},
	{"E1", "Bad request: Identifier taken"},
	{"E1", "another auth token has this identifier"},
	{"E1", "the registration token has run out"},
	{"E1", "not yet valid"},
	{"E1", "too many auth tokens"},
	{"IDENTIFIERDUPLICATE", "Bad request"},
	{"REGTOKENCOUNTEXCEEDED", "Bad request"},
	{"REGTOKENCOUNTZERO", ""},
	{"tokenalreadyused", "Bad request"},
	{"INVALIDTOKEN", ""},
	{"IDENTIFIERINUSE", ""},
	{"TOKENNOTENABLED", ""},
	{"409", "Bad request"},
	{"E1", "nonunique identifier"},
	{"E1", "preexisting identifier"},
	{"E1", "regToken.isExpired"},
	{"E1", "The token is no longer valid."},
	{"E1", "identifier must be unique"},
	{"E1", "The quota has been reached"},
	{"E1", "no more activations available"},
	{"E1", "validity period is over"},
	{"E1", "0 remaining"},
	{"E1", "blocked"},
	{"E1", "The registration token was revoked"},
	{"E1", "Token state is wrong"},
	{"E1", "No counts are left"},
	{"E1", "Invalid registration token"},
	{"E1", `Known fields: count, state. The token has expired.`},
	{"E1", `Allowed fields: count. The token has expired`},
	{"E1", `Known fields: count, expired`},
	{"E1", `Unrecognized field "authToken": the identifier is a duplicate`},
	{"E1", "unknown attribute: expired"},
	{"E1", `Unexpected property "duplicate"`},
	{"", "Invalid request body. " + strings.Repeat("See the manual of the service. ", 20) + "The token has expired."}, // beyond what is shown
	{"", "The identifier is known."},
	{"", "Bad request: the identifier is known"},
	{"", "Bad request: somebody else has it"},
	{"", "The request could not be completed because the allotment is gone."},
	{"", "Request denied: you have hit the ceiling"},
	{"BAD_REQUEST", "This request was made before."},
	{"", "A new registration token is required"},
	{"", "Payload refused since this device holds an auth token"},
	{"", "Value of field identifier was seen before"},
	{"", "Field 'identifier' collides with a record"},
	{"", "Parameter 'identifier' ist belegt"},
	{"", "Le parametre identifier est pris"},
	{"JETONPERIME", "Bad request"},
	{"KENNUNGBELEGT", "Bad request"},
	{"", "Der Token ist abgelaufen"},
	{"", "Die Kennung ist schon vergeben"},
	{"", "Bad Request: Kennung schon vergeben"},
	{"", "400 Bad Request - Kennung belegt"},
	{"", "Ungültige Anfrage: Kennung schon belegt"},
	{"", "Le jeton a expiré"},
	{"", "Requête invalide : identifiant déjà pris"},
	{"BAD_REQUEST", "identifiant deja pris"},
	{"", "The payload was processed"},
	{"", "The request body has been processed before"},
	{"", "Element of that name is present"},
	{"", "識別子は既に存在します"},
	{"BAD_REQUEST", "リクエスト body: 登録トークンの期限が切れています"},
	{"BAD_REQUEST", "Идентификатор занят"},
}

var sentBody = []byte(`{"authToken":{"identifier":"regent-1","fqdn":"ws-1.example.com","systemUserName":"regent","refId1":"cad/1","refId2":"device-1"}}`)

// TestFormRefused: what a 400 says leads to the other form of the body only where
// it is about the form, and cannot be about a duplicate or the registration token.
func TestFormRefused(t *testing.T) {
	check := func(code, text string, want bool) {
		t.Helper()
		body, err := json.Marshal(map[string]string{"errorCode": code, "errorMessage": text})
		if err != nil {
			t.Fatal(err)
		}
		if got := AboutForm(body, sentBody); got != want {
			t.Errorf("%s %q: got %t, want %t", code, text, got, want)
		}
	}
	for _, row := range refusedForm {
		check(row[0], row[1], true)
	}
	for _, row := range otherwise {
		check(row[0], row[1], false)
	}
	withheldText := &Failure{Reach: Answered, Status: 400, ServiceShape: true, AboutForm: true, Message: withheld}
	if withheldText.FormRefused() {
		t.Error("a text that is withheld cannot be weighed")
	}
}

// TestFormRefusedByEveryText: the whole body is weighed, and what repeats what was
// sent is no reason.
func TestFormRefusedByEveryText(t *testing.T) {
	tests := []struct {
		body string
		want bool
	}{
		{`{"errors":[{"code":"E1","message":"JSON parse error"},{"code":"E2","message":"identifier already exists"}]}`, false},
		{`{"errors":{"count":2,"error":[{"code":"E1","message":"Invalid body"},{"code":"E2","message":"Invalid field"}]}}`, true},
		{`{"errors":{"count":2,"error":[{"code":"E1","message":"Invalid body"},{"code":"DUPLICATE"}]}}`, false},
		{`{"errorCode":"E1","errorMessage":"Bad request","details":"The token has expired"}`, false},
		{`{"errorCode":"E1","errorMessage":"Bad request","details":[{"reason":"COUNT_EXCEEDED"}]}`, false},
		{`{"errorCode":"E1","errorMessage":"Bad request","details":{"a":{"b":[[{"c":"TOKENEXPIRED"}]]}}}`, false},
		{`{"errorCode":"E1","errorMessage":"Bad request","details":{"grund":"Kennung belegt"}}`, false},
		{`{"errorCode":"E1","errorMessage":"Bad request","code":409}`, false},
		{`{"errorCode":"E1","errorMessage":"Bad request","details":[{"code":"409"}]}`, false},
		{`{"errorCode":"E1","errorMessage":"Bad request","duplicate":true}`, false},
		{`{"errorCode":"E1","errorMessage":"Bad request","tokenExpired":true}`, false},
		{`{"errorCode":"E1","errorMessage":"Bad request","remaining":0}`, false},
		{`{"errorCode":"E1","errorMessage":"Bad request","type":"https://example.com/problems/duplicate-identifier"}`, false},
		{`{"errorMessage":"The token has expired","errorMessage":"Bad request"}`, false},
		{`{"timestamp":"2026-11-30T08:00:00.000+00:00","status":400,"error":"Bad Request","message":"Invalid field","path":"/token/api/v5/authTokens"}`, true},
		{`{"error":"Bad Request","message":"Bad request","requestId":"a3dup9-used","activityId":"7"}`, true},
		{`{"errorCode":"E1","errorMessage":"Invalid body","received":{"authToken":{"identifier":"regent-1","fqdn":"ws-1.example.com"}}}`, true},
		{`{"errorCode":"E1","errorMessage":"Invalid body","details":[{"field":"authToken","message":"unknown"}]}`, true},
		{`{"message":"Validation failed","errors":[{"codes":["NotNull.authTokenRequest.identifier","NotNull"],"defaultMessage":"must not be null","objectName":"authTokenRequest","field":"identifier","rejectedValue":null,"bindingFailure":false,"code":"NotNull"}]}`, true},
		{"\ufeff" + `{"errorCode":"E1","errorMessage":"Bad request"}`, true},
		{`<html>Bad Request</html>`, false},
		{`{}`, false},
	}
	for _, tt := range tests {
		if got := AboutForm(asText([]byte(tt.body), ""), sentBody); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.body, got, tt.want)
		}
	}
	if !AboutForm([]byte(`{"message":"count is required"}`), []byte(`{"count":3}`)) || AboutForm([]byte(`{"message":"count is required"}`), sentBody) {
		t.Error("a member that is missed is a matter of the form only if it was sent")
	}
}

// TestFormRefusedOverHTTP: the client weighs the bytes that came.
func TestFormRefusedOverHTTP(t *testing.T) {
	for body, want := range map[string]bool{
		`{"message":"Invalid request body."}`:                                         true,
		`{"message":"Invalid request body.","details":[{"reason":"COUNT_EXCEEDED"}]}`: false,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(body))
		}))
		defer server.Close()
		c, err := New(Options{Tenant: server.URL, Proxy: "none", Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = c.Redeem(t.Context(), token.NewSecret("dXNlcjpwYXNzd29yZA=="), Request{Identifier: "regent-1"})
		f, ok := errors.AsType[*Failure](err)
		if !ok || f.FormRefused() != want {
			t.Errorf("%s: got %+v, want %t", body, err, want)
		}
	}
}

// TestSaysNothing: a body that a framework makes of a status alone is no evidence that
// nothing was made.
func TestSaysNothing(t *testing.T) {
	tests := []struct {
		code, message string
		want          bool
	}{
		{"", "Bad Request", true},
		{"Bad Request", "", true},
		{"Bad Request", "Bad Request", true},
		{"Bad Request", "Unrecognized field authToken", false},
		{"E1", "Bad Request", false},
		{"", "Unrecognized field authToken", false},
		{"", "", false},
	}
	for _, tt := range tests {
		f := &Failure{Reach: Answered, Status: http.StatusBadRequest, Code: tt.code, Message: tt.message}
		if got := f.SaysNothing(); got != tt.want {
			t.Errorf("%q %q: got %t, want %t", tt.code, tt.message, got, tt.want)
		}
	}
}
