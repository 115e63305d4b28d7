package tms

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"regent/agent/token"
)

func TestFailureSays(t *testing.T) {
	tests := []struct {
		f    Failure
		want string
	}{
		{Failure{Reach: NotSent, Err: errors.New("connection refused")}, "redeem: nothing was sent to host:8443: connection refused"},
		{Failure{Reach: Lost, Err: errors.New("unexpected EOF")}, "redeem: sent to host:8443, but no answer came that can be read: unexpected EOF"},
		{Failure{Reach: Answered, Status: 403, Code: "NOPE", Message: "long story"}, "redeem: host:8443 answered 403 Forbidden (NOPE)"},
		{Failure{Reach: Answered, Status: 599}, "redeem: host:8443 answered 599"},
	}
	for _, tt := range tests {
		tt.f.Op, tt.f.Host = "redeem", "host:8443"
		if got := tt.f.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// TestServiceWords: a person is shown the service's code and its text, word by word.
func TestServiceWords(t *testing.T) {
	for want, f := range map[string]Failure{
		`TMS-0815 "No \"x\" left."`: {Code: "TMS-0815", Message: `No "x" left.`},
		`"TMS-0815"`:                {Code: "TMS-0815"},
		`"No."`:                     {Message: "No."},
	} {
		if got := f.ServiceWords(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestRedactedText(t *testing.T) {
	const bidi = "\u202e"
	tests := []struct{ name, in, want string }{
		{"plain", "Token expired.", "Token expired."},
		{"lines", "a\r\nb\tc", "a  b c"},
		{"control", "a\x1b[31mb\x00c\u009b", "a[31mbc"},
		{"turned around", "a" + bidi + "b", "ab"},
		{"not UTF-8", "a\xffb", "ab"},
		{"the secret", "token s3cr&t is bad", "token [redacted] is bad"},
		{"the secret in a form", "token=s3cr%26t", "token=[redacted]"},
		{"the secret around a control character", "s3c\x00r&t", "[redacted]"},
		{"long", strings.Repeat("ä", 200), strings.Repeat("ä", 150)},
		{"long, cut in a rune", "x" + strings.Repeat("ä", 200), "x" + strings.Repeat("ä", 149)},
	}
	hide := redactor{secrets: []token.Secret{{}, token.NewSecret("s3cr&t")}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := hide.text(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestHalvesAreRedacted: a registration token is base64 of user:password; what the
// service decoded of it is masked in each form in which it may repeat it.
func TestHalvesAreRedacted(t *testing.T) {
	const user, password = "RegToken-User-0815", "S3cret/Passw0rd+XYZ&\"ä"
	both := user + ":" + password
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		registration := e.EncodeToString([]byte(both))
		hide := redactor{secrets: []token.Secret{token.NewSecret(registration)}}
		for _, part := range []string{registration, both, user, password} {
			quoted, err := json.Marshal(part)
			if err != nil {
				t.Fatal(err)
			}
			for _, form := range []string{
				part, strings.ToLower(part), strings.ToUpper(part), url.QueryEscape(part), url.PathEscape(part), string(quoted),
				base64.StdEncoding.EncodeToString([]byte(part)), base64.RawURLEncoding.EncodeToString([]byte(part)), url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(part))),
				hex.EncodeToString([]byte(part)), fmt.Sprintf("%X", part), html.EscapeString(part), strings.Trim(strconv.QuoteToASCII(part), `"`),
				strings.Trim(fmt.Sprintf("%d", []byte(part)), "[]"), strings.ReplaceAll(strings.Trim(fmt.Sprintf("%d", []byte(part)), "[]"), " ", ", "),
			} {
				got := hide.text("no such user " + form + " here")
				if bare := strings.ReplaceAll(got, `"`, ""); bare != "no such user [redacted] here" {
					t.Errorf("%q of %q is shown as %q", form, part, got)
				}
			}
		}
	}
	hide := redactor{secrets: []token.Secret{token.NewSecret(base64.StdEncoding.EncodeToString([]byte(both)))}}
	for _, around := range []string{"", "x", "xy"} { // a header, or a dump, in base64
		text := base64.StdEncoding.EncodeToString([]byte(around + "Basic " + both + around))
		for _, half := range []string{user, password} {
			core := base64Inside(base64.StdEncoding, []byte(half), 0)
			if got := hide.text(text); strings.Contains(got, core) || !strings.Contains(got, "[redacted]") {
				t.Errorf("%q is shown as %q", text, got)
			}
		}
	}
	for name, form := range map[string]string{
		"escaped twice for a URL": url.QueryEscape(url.QueryEscape(url.QueryEscape(password))),
		"entities":                eachByte("&#%d;", password), "entities in hex": eachByte("&#x%X;", user),
		"\\u": eachByte(`\u%04x`, password), "\\\\u": eachByte(`\\u%04X`, user), "\\u{}": eachByte(`\u{%x}`, user), "\\x": eachByte(`\x%02x`, password), "octal": eachByte(`\%03o`, user),
		"% of each but the first": eachByte("%%%02x", user[1:]), "% of % of each": eachByte("%%25%02x", user), "0x": eachByte("0x%02x, ", user), "U+": eachByte("U+%04X ", user),
		"hex with colons": eachByte("%02x:", password), "hex with spaces": eachByte("%02X ", user), "numbers, a part": eachByte("%d, ", user[6:]),
		"base32": base32.StdEncoding.EncodeToString([]byte(password)), "base32 in small letters": strings.ToLower(base32.StdEncoding.EncodeToString([]byte("x" + user))),
		"base64 twice":    base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(password)))),
		"base64 thrice":   base64.StdEncoding.EncodeToString([]byte(base64.URLEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(both)))))),
		"base64 of hex":   base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString([]byte(user)))),
		"base64 of lines": base64.StdEncoding.EncodeToString([]byte(user))[:11] + "\n" + base64.StdEncoding.EncodeToString([]byte(user))[11:],
		"with a space":    password[:9] + " " + password[9:], "with a line": password[:9] + "\r\n" + password[9:], "with marks": eachByte("%c-", user),
		"the first": password[:14] + "...", "the last": "..." + password[len(password)-14:], "the first in capitals": strings.ToUpper(password[:14]),
		"the first of the token": base64.StdEncoding.EncodeToString([]byte(both))[:14], "the last of the user": user[len(user)-9:], "eight": password[5:15],
		"backwards": reversed(user), "a part in base64": base64.StdEncoding.EncodeToString([]byte("x" + password[3:17])),
	} {
		if got := hide.text("Bad credential " + form + " here"); got != withheld {
			t.Errorf("%s: %q is shown as %q", name, form, got)
		}
	}
	for _, plain := range []string{
		"The registration token has expired on 2026-11-29 06:43.", "password", "Password is weak", "User RegToken is unknown", "a user of 0815",
		"TMS-0815-DUP", "d290f1ee-6c54-4b01-90e6-d701748f0851", "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkcCJ9.c2lnbmF0dXJl",
	} {
		if got := hide.text(plain); got != plain {
			t.Errorf("%q is shown as %q", plain, got)
		}
	}
	hide = redactor{secrets: []token.Secret{token.NewSecret(base64.StdEncoding.EncodeToString([]byte("registration-token-12:Secr3t%2F+1df91980ea018=")))}}
	for _, form := range []string{"Secr3t%2F+1df91...", "Secr3t%25252F%252B1df", url.QueryEscape(url.QueryEscape("Secr3t%2F+1df91980")), eachByte("&#%d;", "Secr3t%2F+1df9198"), base32.StdEncoding.EncodeToString([]byte("Secr3t%2F+1df9198"))} {
		if got := hide.text("Bad credential " + form); got != withheld {
			t.Errorf("%q is shown as %q", form, got)
		}
	}
	if got := hide.text("REGISTRATION_TOKEN_EXPIRED"); got != "REGISTRATION_TOKEN_EXPIRED" {
		t.Errorf("a word of the service is shown as %q", got)
	}
	hide = redactor{secrets: []token.Secret{token.NewSecret(base64.StdEncoding.EncodeToString([]byte("a:b")))}}
	if got := hide.text("a bad word"); got != "a bad word" {
		t.Errorf("a half of one letter is masked: %q", got)
	}
}

func eachByte(form, s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, form, c)
	}
	return b.String()
}

func reversed(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

// TestRedactedTextHoldsNoSecret: whatever the secrets and whatever is said.
func TestRedactedTextHoldsNoSecret(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		visible := rapid.StringMatching(`[!-~]{1,12}`)
		secrets := rapid.SliceOfN(visible, 1, 3).Draw(t, "secrets")
		var said string
		for _, part := range rapid.SliceOf(rapid.OneOf(rapid.SampledFrom(secrets), rapid.String())).Draw(t, "said") {
			said += part
		}
		var hide redactor
		for _, s := range secrets {
			hide.secrets = append(hide.secrets, token.NewSecret(s))
		}
		texts := []string{hide.text(said), hide.cause(errors.New(said)).Error()}
		for _, got := range texts {
			checkText(t, got, secrets)
		}
	})
}

// checkText holds a text made of others' words to its promise.
func checkText(t interface{ Errorf(string, ...any) }, got string, secrets []string) {
	for _, s := range secrets {
		if strings.Contains(got, s) || strings.Contains(got, url.QueryEscape(s)) {
			t.Errorf("%q holds the secret %q", got, s)
		}
	}
	if len(got) > maxText || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%q is longer than %d bytes, or not printable", got, maxText)
	}
}

func TestRedactedCause(t *testing.T) {
	hide := redactor{secrets: []token.Secret{token.NewSecret("s3cret")}}
	plain := errors.New("connection refused")
	if got := hide.cause(&url.Error{Op: "Post", URL: "https://host/s3cret", Err: plain}); !errors.Is(got, plain) || got.Error() != plain.Error() {
		t.Errorf("got %v, want the cause itself, without the URL", got)
	}
	got := hide.cause(fmt.Errorf("s3cret: %w", errors.Join(plain, context.Canceled)))
	if !errors.Is(got, context.Canceled) || errors.Is(got, plain) {
		t.Errorf("got %#v, want a clean error that is context.Canceled alone", got)
	}
}

// TestShapeOf: the code and the words of an error are kept as the service wrote
// them, in each of the shapes that the contract lists.
// TestErrorMembers: where an error stood, for a ticket, without its words.
func TestErrorMembers(t *testing.T) {
	for body, want := range map[string]string{
		`{"errorCode":"E1","errorMessage":"words"}`:               "errorCode, errorMessage",
		`{"error":{"code":7,"message":"words"}}`:                  "error: code, message",
		`{"errors":{"error":[{"errorCode":"E1"},{"code":"E2"}]}}`: "errors.error: errorCode",
		`{"errors":[{"code":"E1","message":"words"}]}`:            "errors: code, message",
		`{"error":"invalid_grant","error_description":"words"}`:   "error, error_description",
		`{"timestamp":1}`: "",
		`<html>`:          "",
	} {
		if got := errorMembers([]byte(body)); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

// TestMembersOfProvider: where the provider stood, whatever it is wrapped in.
func TestMembersOfProvider(t *testing.T) {
	for body, want := range map[string]string{
		`{"tokenEndpoint":"x","realm":"y"}`:                                                          "at the top: tokenEndpoint, realm",
		`{"a":{"realm":"y","b":{"tokenEndpoint":"x"}},"clientId":"c"}`:                               "a.b: tokenEndpoint, realm in a, clientId in the top",
		`[{"tokenEndpoint":"x"}]`:                                                                    "[0]: tokenEndpoint",
		`{"idpConfigurations":{"count":1,"idpConfiguration":[{},{"tokenEndpoint":1,"clientId":2}]}}`: "idpConfigurations.idpConfiguration[1]: tokenEndpoint, clientId",
		`{}`: "",
		`x`:  "",
	} {
		if got := MembersOfProvider([]byte(body)); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

func TestShapeOf(t *testing.T) {
	tests := []struct {
		body, code, message string
		ok                  bool
	}{
		{`{"errorCode":"E1","errorMessage":"words"}`, "E1", "words", true},
		{`{"errorCode":1017,"errorMessage":"words"}`, "1017", "words", true},
		{`{"errorCode":1017}`, "1017", "", true},
		{`{"code":"E1","message":"words"}`, "E1", "words", true},
		{`{"code":400,"message":"words"}`, "400", "words", true},
		{`{"error":{"code":"E1","message":"words"}}`, "E1", "words", true},
		{`{"errors":{"error":[{"code":"E1","message":"words"},{"code":"E2"}]}}`, "E1", "words", true},
		{`{"errors":{"error":{"errorCode":"E1","errorMessage":"words"}}}`, "E1", "words", true},
		{`{"errors":[{"errorCode":"E1","errorMessage":"words"}]}`, "E1", "words", true},
		{`{"errors":[{"error":{"code":"E1","message":"words"}}]}`, "E1", "words", true},
		{`{"error":"invalid_grant","error_description":"words"}`, "invalid_grant", "words", true},
		{`{"message":"An internal error occurred."}`, "", "An internal error occurred.", true},
		{`{"timestamp":1,"status":404,"error":"Not Found","path":"/x"}`, "Not Found", "", true},
		{`{"errors":[]}`, "", "", false},
		{`{"code":400}`, "400", "", false}, // any program counts
		{`{"errors":["words","more"]}`, "", "words; more", true},
		{`{"errors":{"error":["words"]}}`, "", "words", true},
		{`{"code":"E1","message":"words","errors":[{"field":"a","reason":"b"}]}`, "E1", "words", true},
		{`{"errors":[{"field":"a"}]}`, "", "", false},
		{`[]`, "", "", false},
		{`<html>Log in</html>`, "", "", false},
	}
	for _, tt := range tests {
		if code, message, ok := shapeOf([]byte(tt.body)); code != tt.code || message != tt.message || ok != tt.ok {
			t.Errorf("%s: %q, %q, %t; want %q, %q, %t", tt.body, code, message, ok, tt.code, tt.message, tt.ok)
		}
	}
}
