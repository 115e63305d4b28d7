package admin_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"testing"

	"regent/agent/tms"
	"regent/agent/tms/admin"
)

// secret is what a registration token looks like.
var secret = base64.StdEncoding.EncodeToString([]byte("user-17:password-17"))

// showing is a service whose reply to a creation has members; its own token is "".
func showing(inner, outer map[string]any) *writer {
	s := &writer{form: tms.Wrapped}
	s.before = func(w http.ResponseWriter) bool {
		row := s.add(plain(full))
		delete(row, "token")
		shown := maps.Clone(row)
		maps.Copy(shown, inner)
		all := map[string]any{"registrationToken": shown}
		maps.Copy(all, outer)
		s.write(w, all)
		return true
	}
	return s
}

// TestTokenUnderAnotherName: the token is read by other names too, and else by its form.
func TestTokenUnderAnotherName(t *testing.T) {
	type m = map[string]any
	for _, tt := range []struct {
		name         string
		inner, outer m
		want         string
	}{
		{"token", m{"token": "T"}, nil, "T"},
		{"registrationToken", m{"registrationToken": "T"}, nil, "T"},
		{"value", m{"value": "T"}, nil, "T"},
		{"tokenValue", m{"tokenValue": "T"}, nil, "T"},
		{"secret", m{"secret": "T"}, nil, "T"},
		{"token before value", m{"value": "V", "token": "T"}, nil, "T"},
		{"by its form", m{"foo": secret, "bar": "x"}, nil, secret},
		{"in an object", m{"foo": m{"bar": []any{secret}}}, nil, secret},
		{"beside the wrapper", nil, m{"foo": secret}, secret},
		{"token beside the wrapper", nil, m{"token": "T"}, "T"},
		{"two by their form", m{"foo": secret, "bar": base64.StdEncoding.EncodeToString([]byte("u:pp"))}, nil, ""},
		{"twice the same", m{"foo": secret, "bar": secret}, nil, secret},
		{"what people wrote", m{"refId1": secret, "identifier": full.Identifier}, nil, ""},
		{"none", nil, nil, ""},
	} {
		got, err := sessionOf(t, showing(tt.inner, tt.outer), tms.Wrapped).CreateRegistrationToken(t.Context(), full, now)
		shown := ""
		if !got.Token.IsZero() {
			shown = got.Token.Reveal()
		}
		lost, isLost := errors.AsType[*admin.TokenNotShownError](err)
		if shown != tt.want || isLost != (tt.want == "") || isLost && lost.ID != "1" || !isLost && err != nil {
			t.Errorf("%s: got %q, %v, want %q", tt.name, shown, err, tt.want)
		}
	}
}

// TestTokenOnlyWhenAskedFor: what the reply does not show the next one may.
func TestTokenOnlyWhenAskedFor(t *testing.T) {
	s := showing(nil, nil)
	was := s.before
	s.before = func(w http.ResponseWriter) bool {
		was(w)
		s.made[0]["value"] = "T"
		return true
	}
	got, err := sessionOf(t, s, tms.Wrapped).CreateRegistrationToken(t.Context(), full, now)
	if err != nil || got.Token.Reveal() != "T" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestStateIsWrittenAsItIsRead: enabled or not is sent in the member and the word that
// the service showed before, else in those of the form.
func TestStateIsWrittenAsItIsRead(t *testing.T) {
	for _, tt := range []struct {
		form  string
		shows map[string]any
		on    bool
		want  string
	}{
		{tms.Bare, map[string]any{"state": "ENABLE"}, false, `{"state":"DISABLE"}`},
		{tms.Bare, map[string]any{"state": "DISABLE"}, true, `{"state":"ENABLE"}`},
		{tms.Bare, map[string]any{"state": "ENABLED"}, false, `{"state":"DISABLED"}`},
		{tms.Bare, map[string]any{"state": "enable"}, false, `{"state":"disable"}`},
		{tms.Bare, map[string]any{"status": "Enabled"}, false, `{"status":"Disabled"}`},
		{tms.Bare, map[string]any{"status": "ENABLE"}, false, `{"status":"DISABLE"}`},
		{tms.Bare, map[string]any{"state": "PENDING"}, false, `{"state":"DISABLE"}`},
		{tms.Bare, nil, false, `{"status":"DISABLED"}`},
		{tms.Wrapped, map[string]any{"status": "ENABLED"}, false, `{"registrationToken":{"status":"DISABLED"}}`},
		{tms.Wrapped, map[string]any{"state": "ENABLE"}, false, `{"registrationToken":{"state":"DISABLE"}}`},
		{tms.Wrapped, nil, true, `{"registrationToken":{"state":"ENABLE"}}`},
	} {
		sent := ""
		session, _ := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPatch {
				var body json.RawMessage
				_ = json.NewDecoder(r.Body).Decode(&body)
				sent = string(body)
				return
			}
			row := map[string]any{"id": "1", "identifier": "x", "count": 3}
			maps.Copy(row, tt.shows)
			text, _ := json.Marshal(row)
			fmt.Fprintf(w, `{"registrationToken":%s}`, text)
		}), tt.form)
		was, err := session.RegistrationToken(t.Context(), "1")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = session.UpdateRegistrationToken(t.Context(), was, admin.Change{Enabled: &tt.on}) // it changes nothing here
		if sent != tt.want {
			t.Errorf("%s, %v: sent %s, want %s", tt.form, tt.shows, sent, tt.want)
		}
	}
}
