package emulator_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"regent/agent/tms/emulator"
)

// TestRefusals walks through what a request to the service can be refused for.
// No refusal may use a count.
func TestRefusals(t *testing.T) {
	const device = `{"identifier":"a"}`
	long := strings.Repeat("x", 256)
	// ADMIN, TOKEN, DEVICE, ID stand for an administrator's authorization, a
	// registration token, a device's authorization, and a registration's id.
	for _, tt := range []struct {
		name               string
		method, path, auth string
		body               string
		status             int
		code               string
	}{
		{"redeem without authorization", "POST", "/authTokens", "", device, 401, "UNAUTHORIZED"},
		{"redeem as bearer", "POST", "/authTokens", "Bearer TOKEN", device, 401, "UNAUTHORIZED"},
		{"redeem with nothing after Basic", "POST", "/authTokens", "Basic ", device, 401, "UNAUTHORIZED"},
		{"redeem in base64", "POST", "/authTokens", "Basic dXNlcjpwYXNz", device, 401, "REGISTRATION_TOKEN_INVALID"},
		{"redeem unknown", "POST", "/authTokens", "Basic nonsense", device, 401, "REGISTRATION_TOKEN_INVALID"},
		{"redeem without body", "POST", "/authTokens", "Basic TOKEN", "", 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"redeem without identifier", "POST", "/authTokens", "Basic TOKEN", `{"fqdn":"h"}`, 400, "INVALID_FIELD"},
		{"redeem with a number", "POST", "/authTokens", "Basic TOKEN", `{"identifier":1}`, 400, "INVALID_BODY"},
		{"redeem with an unknown field", "POST", "/authTokens", "Basic TOKEN", `{"identifier":"a","ident":"b"}`, 400, "INVALID_BODY"},
		{"redeem with half a body", "POST", "/authTokens", "Basic TOKEN", `{"identifier":"a"`, 400, "INVALID_BODY"},
		{"redeem with two bodies", "POST", "/authTokens", "Basic TOKEN", device + device, 400, "INVALID_BODY"},
		{"redeem with a long text", "POST", "/authTokens", "Basic TOKEN", `{"identifier":"a","fqdn":"` + long + `"}`, 400, "INVALID_FIELD"},
		{"redeem with a huge body", "POST", "/authTokens", "Basic TOKEN", `{"identifier":"` + strings.Repeat("x", 64<<10) + `"}`, 413, "BODY_TOO_LARGE"},

		{"list without authorization", "GET", "/authTokens", "", "", 401, "UNAUTHORIZED"},
		{"list with nonsense", "GET", "/authTokens", "Bearer a.b.c", "", 401, "UNAUTHORIZED"},
		{"list as a device", "GET", "/authTokens", "DEVICE", "", 403, "FORBIDDEN"},
		{"list with a filter misspelt", "GET", "/authTokens?identifiers=a", "ADMIN", "", 400, "INVALID_FIELD"},
		{"list with a filter twice", "GET", "/authTokens?fqdn=a&fqdn=b", "ADMIN", "", 400, "INVALID_FIELD"},
		{"list from before the start", "GET", "/authTokens?pageStart=-1", "ADMIN", "", 400, "INVALID_FIELD"},
		{"list an empty page", "GET", "/registrationTokens?pageSize=0", "ADMIN", "", 400, "INVALID_FIELD"},
		{"list a huge page", "GET", "/registrationTokens?pageSize=1001", "ADMIN", "", 400, "INVALID_FIELD"},
		{"show nothing", "GET", "/authTokens/none", "ADMIN", "", 404, "NOT_FOUND"},
		{"delete nothing", "DELETE", "/authTokens/none", "ADMIN", "", 404, "NOT_FOUND"},
		{"show no registration", "GET", "/registrationTokens/none", "ADMIN", "", 404, "NOT_FOUND"},
		{"delete no registration", "DELETE", "/registrationTokens/none", "ADMIN", "", 404, "NOT_FOUND"},
		{"update no registration", "PATCH", "/registrationTokens/none", "ADMIN", `{}`, 404, "NOT_FOUND"},
		{"update to fewer than none", "PATCH", "/registrationTokens/ID", "ADMIN", `{"count":0}`, 400, "INVALID_FIELD"},
		{"update to a status of one's own", "PATCH", "/registrationTokens/ID", "ADMIN", `{"status":"OFF"}`, 400, "INVALID_FIELD"},
		{"update to the past", "PATCH", "/registrationTokens/ID", "ADMIN", `{"expirationDate":"2026-11-22"}`, 400, "INVALID_FIELD"},
		{"update the identifier", "PATCH", "/registrationTokens/ID", "ADMIN", `{"identifier":"b"}`, 400, "INVALID_BODY"},
		{"create as a device", "POST", "/registrationTokens", "DEVICE", `{}`, 403, "FORBIDDEN"},

		{"refresh without authorization", "PATCH", "/authTokens/none", "", "", 401, "UNAUTHORIZED"},
		{"refresh unknown", "PATCH", "/authTokens/none", "Bearer nonsense", "", 401, "REFRESH_TOKEN_INVALID"},
		{"refresh another's by registration token", "PATCH", "/authTokens/none", "Basic TOKEN", "", 404, "NOT_FOUND"},
		{"refresh by an unknown registration token", "PATCH", "/authTokens/none", "Basic nonsense", "", 401, "REGISTRATION_TOKEN_INVALID"},

		{"no such path", "GET", "/authToken", "ADMIN", "", 404, "NOT_FOUND"},
		{"no such method", "PUT", "/authTokens", "ADMIN", "", 405, "METHOD_NOT_ALLOWED"},
		{"no such method for discovery", "POST", "/idpConfigurations", "", "{}", 405, "METHOD_NOT_ALLOWED"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, emulator.Knobs{})
			token := f.issue(2)
			first := f.redeem(token, "first").grant(t, http.StatusCreated)
			id := f.State().RegistrationTokens[0].ID
			stands := strings.NewReplacer("ADMIN", f.admin(), "TOKEN", token, "DEVICE", "Bearer "+first.AccessToken)
			r := f.call(tt.method, strings.ReplaceAll(tt.path, "ID", id), stands.Replace(tt.auth), tt.body)
			if r.status != tt.status || r.code() != tt.code {
				t.Errorf("%d %s, want %d %s", r.status, r.body, tt.status, tt.code)
			}
			if got := f.State().RegistrationTokens[0].Used; got != 1 {
				t.Errorf("%d counts used, want the 1 of before", got)
			}
		})
	}
}

func TestMethodNotAllowedNamesMethods(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	for path, want := range map[string]string{
		"/idpConfigurations":     "GET",
		"/authTokens":            "GET, POST",
		"/authTokens/x":          "DELETE, GET, PATCH",
		"/registrationTokens":    "GET, POST",
		"/registrationTokens/x1": "DELETE, GET, PATCH",
	} {
		r := f.call("OPTIONS", path, "", "")
		r.want(t, http.StatusMethodNotAllowed)
		if got := r.header.Get("Allow"); got != want {
			t.Errorf("%s: Allow %q, want %q", path, got, want)
		}
	}
}

// TestRedemptionTexts: a client may sort refusals of a redemption by these
// words, so each stands in its own refusal and in no other.
func TestRedemptionTexts(t *testing.T) {
	words := []string{"expired", "count", "consumed", "exhausted"}
	for _, tt := range []struct {
		name   string
		status int
		may    []string
		do     func(f *fixture, token, id string)
	}{
		{"disabled", 403, nil, func(f *fixture, _, id string) {
			f.call("PATCH", "/registrationTokens/"+id, f.admin(), `{"status":"DISABLED"}`).want(t, http.StatusOK)
		}},
		{"deleted", 401, nil, func(f *fixture, _, id string) {
			f.call("DELETE", "/registrationTokens/"+id, f.admin(), "").want(t, http.StatusNoContent)
		}},
		{"expired", 400, []string{"expired"}, func(f *fixture, _, _ string) { f.advance(31 * 24 * time.Hour) }},
		{"exhausted", 400, []string{"count", "exhausted"}, func(f *fixture, token, _ string) {
			f.redeem(token, "a").want(t, http.StatusCreated)
		}},
		{"duplicate", 409, nil, func(f *fixture, token, _ string) {
			must(f, f.SetKnobs(emulator.Knobs{Duplicates: emulator.DuplicatesRefuse}))
			f.redeem(token, "again").want(t, http.StatusCreated)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, emulator.Knobs{})
			token := f.issue(1)
			tt.do(f, token, f.State().RegistrationTokens[0].ID)
			r := f.redeem(token, "again")
			r.want(t, tt.status)
			for _, word := range words {
				may := strings.Contains(strings.Join(tt.may, " "), word)
				if got := strings.Contains(strings.ToLower(r.body), word); got != may {
					t.Errorf("%q in %s: %v, want %v", word, r.body, got, may)
				}
			}
		})
	}
}

func TestTokenEndpointRefusals(t *testing.T) {
	for _, tt := range []struct {
		name   string
		form   []string
		status int
		code   string
	}{
		{"nothing", nil, 401, "invalid_client"},
		{"unknown client", []string{"grant_type", "password", "client_id", "other"}, 401, "invalid_client"},
		{"wrong secret", []string{"grant_type", "client_credentials", "client_id", "ems-admin-client", "client_secret", "x"}, 401, "unauthorized_client"},
		{"public client alone", []string{"grant_type", "client_credentials", "client_id", client}, 401, "unauthorized_client"},
		{"no grant type", []string{"client_id", client}, 400, "unsupported_grant_type"},
		{"code", []string{"grant_type", "authorization_code", "client_id", client}, 400, "unsupported_grant_type"},
		{"wrong password", []string{"grant_type", "password", "client_id", client, "username", "admin", "password", "x"}, 400, "invalid_grant"},
		{"no password", []string{"grant_type", "password", "client_id", client, "username", "admin"}, 400, "invalid_grant"},
		{"no refresh token", []string{"grant_type", "refresh_token", "client_id", client}, 400, "invalid_grant"},
		{"unknown refresh token", []string{"grant_type", "refresh_token", "client_id", client, "refresh_token", "a.b"}, 400, "invalid_grant"},
		{"client twice", []string{"grant_type", "password", "client_id", client, "client_id", client}, 400, "invalid_request"},
		{"grant type twice", []string{"grant_type", "password", "grant_type", "refresh_token", "client_id", client}, 400, "invalid_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newFixture(t, emulator.Knobs{}).form(tt.form...)
			if r.status != tt.status || r.code() != tt.code {
				t.Errorf("%d %s, want %d %s", r.status, r.body, tt.status, tt.code)
			}
		})
	}
}

func TestExpirationDate(t *testing.T) {
	for _, tt := range []struct {
		date   string
		status int
	}{
		{"2026-11-22", 400},
		{"2026-11-23", 400}, // today
		{"2026-11-24", 201}, // tomorrow
		{"2026-12-23", 201}, // 30 days
		{"2026-12-24", 400},
		{"2026-11-31", 400}, // no such day
		{"2026-12-01T00:00:00Z", 400},
		{"2026-12-1", 400},
		{"", 400},
	} {
		t.Run(tt.date, func(t *testing.T) {
			f := newFixture(t, emulator.Knobs{})
			f.call("POST", "/registrationTokens", f.admin(),
				`{"identifier":"a","count":1,"expirationDate":"`+tt.date+`"}`).want(t, tt.status)
		})
	}
}

// TestLastDay: the expiration date is the last day that a token is good.
func TestLastDay(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	token := f.issue(2)
	f.advance(30*24*time.Hour + 15*time.Hour + 59*time.Minute) // the 30th day, 23:59
	f.redeem(token, "a").want(t, http.StatusCreated)
	f.advance(time.Minute)
	f.redeem(token, "b").want(t, http.StatusBadRequest)
	if s := f.State().RegistrationTokens[0]; s.Status != "ENABLED" || s.Used != 1 {
		t.Errorf("%+v, want 1 used, and still listed as enabled", s)
	}
}
