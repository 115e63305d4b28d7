package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDataSurvivesRestart: what clients were told is still so after a restart,
// an abrupt one included: whom to trust, the password, and what was made.
func TestDataSurvivesRestart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "tenant.db")
	p := start(t, "--data", data)
	password, ca := p.lines, read(t, p.ca)
	bearer := p.login()
	tomorrow := time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	if status := p.post("token/api/v5/registrationTokens", bearer, "application/json",
		`{"registrationToken":{"identifier":"fleet","count":3,"expirationDate":"`+tomorrow+`"}}`, nil); status != 201 {
		t.Fatalf("create: %d", status)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // it was killed

	again := start(t, "--data", data)
	if !slices.Equal(again.lines, password) {
		t.Errorf("says %q, want what it said before, %q", again.lines, password)
	}
	if read(t, again.ca) != ca {
		t.Error("the certificate authority is another one")
	}
	var list struct{ RegistrationTokens struct{ Count int } }
	if status := again.send(http.MethodGet, "token/api/v5/registrationTokens", bearer, "", "", &list); status != 200 || list.RegistrationTokens.Count != 1 {
		t.Errorf("%d, %d registration tokens, want the one that was made, by the bearer of before", status, list.RegistrationTokens.Count)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// login is the Authorization header of the administrator whose password was printed.
func (p *program) login() string {
	p.t.Helper()
	password, _ := strings.CutPrefix(p.lines[0], "administrator admin, password ")
	form := url.Values{
		"grant_type": {"password"}, "client_id": {"ems-scl-public-client"}, "username": {"admin"}, "password": {password},
	}
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	p.post("auth/realms/ems/protocol/openid-connect/token", "", "application/x-www-form-urlencoded", form.Encode(), &granted)
	return "Bearer " + granted.AccessToken
}
