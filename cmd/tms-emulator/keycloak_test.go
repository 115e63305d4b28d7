//go:build unix

package main

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/tms/emulator"
	"regent/agent/token"
)

// testService is one of the two that must behave alike: the service with the emulator's
// own identity provider, or with a real Keycloak.
type testService struct {
	t        *testing.T
	e        *emulator.Emulator
	options  tms.Options
	device   *tms.Client
	admin    *admin.Client
	password string
	keycloak *keycloak // nil on the emulator's side
	provider tms.Provider
	got      []string // what the story saw
}

// providerSettings is how an identity provider is set; durations are whole seconds.
type providerSettings struct {
	off         bool // no rotation
	reuse       int
	idle, whole time.Duration // 0 is long
}

func newTestService(t *testing.T, k *keycloak, o emulator.Options) *testService {
	t.Helper()
	password := realmAdmin
	o.Credentials = emulator.Credentials{User: realmUser, Password: password, ClientSecret: realmSecret}
	e, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(e)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	options := tms.Options{
		Tenant: server.URL, Proxy: "none", Now: time.Now,
		ExtraCA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
	}
	s := &testService{t: t, e: e, options: options, password: password, keycloak: k}
	if s.device, err = tms.New(options); err != nil {
		t.Fatal(err)
	}
	if s.admin, err = admin.New(options); err != nil {
		t.Fatal(err)
	}
	if s.provider, err = s.device.Discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// withKeycloak is the service with that Keycloak as its identity half.
func withKeycloak(t *testing.T, k *keycloak, offline bool, o emulator.Options) *testService {
	t.Helper()
	idp, err := emulator.NewKeycloak(emulator.KeycloakOptions{
		URL: k.url, Realm: "ems", ClientID: "tms-emulator", ClientSecret: realmSecret, Offline: offline,
		Client: &http.Client{Timeout: startTimeout},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Identity, o.Log = idp, slog.New(slog.NewTextHandler(t.Output(), nil))
	return newTestService(t, k, o)
}

func (s *testService) set(want providerSettings) {
	s.t.Helper()
	if s.keycloak == nil {
		k := emulator.Knobs{MaxReuse: want.reuse, RefreshLifetime: 30 * time.Minute, SessionLifetime: want.whole}
		if want.off {
			k.Rotation = emulator.RotationOff
		}
		if want.idle > 0 {
			k.RefreshLifetime = want.idle
		}
		if err := s.e.SetKnobs(k); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	seconds := func(d, otherwise time.Duration) int {
		if d == 0 {
			d = otherwise
		}
		return int(d / time.Second)
	}
	s.keycloak.set(map[string]any{
		"revokeRefreshToken": !want.off, "refreshTokenMaxReuse": want.reuse,
		"ssoSessionIdleTimeout": seconds(want.idle, 30*time.Minute), "ssoSessionMaxLifespan": seconds(want.whole, 10*time.Hour),
	})
}

// open redeems a count of a new registration token.
func (s *testService) open() tms.AuthToken {
	s.t.Helper()
	registration, err := s.e.IssueRegistrationToken("fleet", 1)
	if err != nil {
		s.t.Fatal(err)
	}
	got, err := s.device.Redeem(s.t.Context(), token.NewSecret(registration), tms.Request{Identifier: "regent-1", FQDN: "ws", RefID1: "cad/1"})
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// refresh uses a refresh token, notes what came of it, and returns the next one.
func (s *testService) refresh(what string, t tms.AuthToken) tms.AuthToken {
	s.t.Helper()
	got, err := s.device.Refresh(s.t.Context(), tms.RefreshRequest{Mode: tms.ModeOIDC, Provider: s.provider, Refresh: t.Refresh})
	s.note(what, err, func() string {
		next := "another refresh token"
		switch {
		case got.Refresh.IsZero():
			next = "no refresh token"
		case got.Refresh.Equal(t.Refresh):
			next = "the same refresh token"
		}
		return next
	})
	got.ID = t.ID
	return got
}

func (s *testService) note(what string, err error, good func() string) {
	s.t.Helper()
	outcome := ""
	f, ok := errors.AsType[*tms.Failure](err)
	switch {
	case err == nil:
		outcome = good()
	case ok && f.Reach == tms.Answered:
		outcome = strings.TrimSpace(fmt.Sprintf("%d %s: %s", f.Status, f.Code, f.Message))
	case ok:
		outcome = fmt.Sprintf("reach %d", f.Reach)
	default:
		s.t.Fatal(err)
	}
	s.got = append(s.got, what+": "+outcome)
}

// commonCases are the stories that both sides must tell in the same words.
var commonCases = []struct {
	name string
	tell func(*testService)
}{
	{"rotation strict: a refresh token that comes again ends all", func(s *testService) {
		s.set(providerSettings{})
		first := s.open()
		second := s.refresh("first", first)
		third := s.refresh("second", second)
		wait(1100 * time.Millisecond) // Keycloak's clock has whole seconds
		s.refresh("second again", second)
		s.refresh("third", third)
	}},
	{"rotation graced: the lost answer's token is refreshed again", func(s *testService) {
		s.set(providerSettings{reuse: 1})
		first := s.open()
		s.refresh("first, the answer is lost", first)
		wait(1100 * time.Millisecond)
		second := s.refresh("first again", first)
		third := s.refresh("its successor", second)
		s.refresh("the next", third)
	}},
	{"rotation graced: once is not twice", func(s *testService) {
		s.set(providerSettings{reuse: 1})
		first := s.open()
		s.refresh("first", first)
		second := s.refresh("again", first)
		s.refresh("a third time", first)
		s.refresh("its successor", second)
	}},
	{"rotation graced: the earlier successor is stale", func(s *testService) {
		s.set(providerSettings{reuse: 1})
		first := s.open()
		lost := s.refresh("first", first)
		wait(1100 * time.Millisecond)
		second := s.refresh("again", first)
		_, err := s.device.Refresh(s.t.Context(), tms.RefreshRequest{Mode: tms.ModeOIDC, Provider: s.provider, Refresh: lost.Refresh})
		f, _ := errors.AsType[*tms.Failure](err)
		if f == nil || f.Status != http.StatusBadRequest || f.Code != "invalid_grant" {
			s.t.Errorf("the earlier successor: %v, want invalid_grant", err) // in words of its own: "Stale token"
		}
		s.refresh("the later successor", second)
	}},
	{"rotation off: all stay good", func(s *testService) {
		s.set(providerSettings{off: true})
		first := s.open()
		second := s.refresh("first", first)
		s.refresh("first again", first)
		s.refresh("second", second)
	}},
	{"idle for too long", func(s *testService) {
		s.set(providerSettings{idle: 2 * time.Second})
		first := s.open()
		second := s.refresh("at once", first)
		wait(4 * time.Second)
		s.refresh("after 4 s", second)
	}},
	{"the session's absolute end", func(s *testService) {
		s.set(providerSettings{whole: 3 * time.Second})
		first := s.open()
		if first.TTL > 3*time.Second {
			s.t.Errorf("the access token lives %v, longer than its session", first.TTL)
		}
		second := s.refresh("at once", first)
		wait(4 * time.Second)
		s.refresh("after 4 s", second)
	}},
	{"the administrator deletes the auth token", func(s *testService) {
		s.set(providerSettings{})
		first := s.open()
		session, err := s.admin.Login(s.t.Context(), admin.Password(realmUser, token.NewSecret(s.password)))
		if err != nil {
			s.t.Fatal(err)
		}
		s.note("delete", session.DeleteAuthToken(s.t.Context(), first.ID), func() string { return "done" })
		s.refresh("refresh", first)
	}},
	{"administrators log in", func(s *testService) {
		for _, who := range []struct {
			name string
			as   admin.Credentials
		}{
			{"password", admin.Password(realmUser, token.NewSecret(s.password))},
			{"wrong password", admin.Password(realmUser, token.NewSecret("x"))},
			{"client", admin.ClientCredentials("ems-admin-client", token.NewSecret(realmSecret))},
			{"wrong secret", admin.ClientCredentials("ems-admin-client", token.NewSecret("x"))},
			{"unknown client", admin.ClientCredentials("nobody", token.NewSecret("x"))},
			{"public client", admin.ClientCredentials("ems-scl-public-client", token.NewSecret("x"))},
		} {
			session, err := s.admin.Login(s.t.Context(), who.as)
			if err == nil {
				_, err = session.AuthTokens(s.t.Context(), admin.AuthFilter{})
			}
			s.note(who.name, err, func() string { return "may list" })
		}
	}},
	{"a device's access token is no administrator's", func(s *testService) {
		s.set(providerSettings{})
		got := s.open()
		bearer := admin.Bearer{Access: got.Access, Expires: time.Now().Add(got.TTL)}
		again := func() (admin.Credentials, error) { return nil, errors.New("nobody is asked") }
		_, err := s.admin.Resume(bearer, again).AuthTokens(s.t.Context(), admin.AuthFilter{})
		s.note("list", err, func() string { return "may list" })
	}},
	{"a refresh token that never was", func(s *testService) {
		s.refresh("refresh", tms.AuthToken{Refresh: token.NewSecret("a.b")})
	}},
}

// TestKeycloak holds the emulator against a real Keycloak: what differs is a
// defect of the emulator. Then it tells what only a real server can do.
func TestKeycloak(t *testing.T) {
	k := newKeycloak(t)
	t.Logf("the server is %s", k.version())
	for _, story := range commonCases {
		t.Run(story.name, func(t *testing.T) {
			k.t = t
			ours, theirs := newTestService(t, nil, emulator.Options{}), withKeycloak(t, k, false, emulator.Options{})
			story.tell(ours)
			story.tell(theirs)
			for _, line := range theirs.got {
				t.Log(line)
			}
			if diff := cmp.Diff(ours.got, theirs.got); diff != "" {
				t.Errorf("the emulator differs (-emulator +Keycloak):\n%s", diff)
			}
		})
	}
	for _, story := range keycloakCases {
		t.Run(story.name, func(t *testing.T) {
			k.t = t
			s := withKeycloak(t, k, story.offline, emulator.Options{})
			s.set(providerSettings{})
			story.tell(s)
			if diff := cmp.Diff(s.got, story.want); diff != "" {
				t.Errorf("-got +want:\n%s", diff)
			}
		})
	}
}

const invalidGrant = ": 400 invalid_grant: "

// keycloakCases are stories of a real server alone.
var keycloakCases = []struct {
	name    string
	offline bool
	tell    func(*testService)
	want    []string
}{
	{"session revoked by the administrator", false, func(s *testService) {
		first := s.open()
		var users []struct{ ID, Username string }
		s.keycloak.admin(http.MethodGet, "/users?exact=true&username="+strings.ToLower(first.ID), nil, &users)
		s.keycloak.admin(http.MethodPost, "/users/"+users[0].ID+"/logout", nil, nil)
		s.refresh("refresh", first)
	}, []string{"refresh" + invalidGrant + "Session not active"}},
	{"administrators log in with a browser", false, testLoginByBrowser, []string{
		"the tenant's: may list", "by its description: may list", "no such issuer: 404 Realm does not exist:",
	}},
	{"client disabled, and enabled again", false, func(s *testService) {
		first := s.open()
		s.enableClient(false)
		s.refresh("disabled", first)
		s.enableClient(true)
		s.refresh("enabled", first)
	}, []string{
		"disabled: 401 invalid_client: Invalid client or Invalid client credentials",
		"enabled: another refresh token",
	}},
	{"realm keys rotated", false, func(s *testService) {
		session, err := s.admin.Login(s.t.Context(), admin.Password(realmUser, token.NewSecret(s.password)))
		if err != nil {
			s.t.Fatal(err)
		}
		first := s.open()
		s.keycloak.admin(http.MethodPost, "/components", map[string]any{
			"name": "rotated", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
			"config": map[string]any{"priority": []string{"200"}, "enabled": []string{"true"}, "active": []string{"true"}},
		}, nil)
		s.refresh("refresh", first)
		_, err = session.AuthTokens(s.t.Context(), admin.AuthFilter{})
		s.note("an access token under the old key", err, func() string { return "may list" })
		session, err = s.admin.Login(s.t.Context(), admin.Password(realmUser, token.NewSecret(s.password)))
		if err == nil {
			_, err = session.AuthTokens(s.t.Context(), admin.AuthFilter{})
		}
		s.note("one under the new key", err, func() string { return "may list" })
	}, []string{
		"refresh: another refresh token", "an access token under the old key: may list", "one under the new key: may list",
	}},
	{"offline tokens outlive the idle session", true, func(s *testService) {
		s.set(providerSettings{idle: 2 * time.Second})
		first := s.open()
		if first.RefreshTTL != 0 {
			s.t.Errorf("the refresh token ends in %v, want never", first.RefreshTTL)
		}
		wait(4 * time.Second)
		second := s.refresh("after 4 s", first)
		s.refresh("the old one", first)
		s.refresh("the new one", second)
	}, []string{
		"after 4 s: another refresh token",
		"the old one" + invalidGrant + "Maximum allowed refresh token reuse exceeded",
		"the new one" + invalidGrant + "Session doesn't have required client",
	}},
	{"mode tms is passed on", false, func(s *testService) {
		first := s.open()
		second, err := s.device.Refresh(s.t.Context(), tms.RefreshRequest{Mode: tms.ModeTMS, AuthTokenID: first.ID, Refresh: first.Refresh})
		s.note("refresh", err, func() string { return "done" })
		wait(1100 * time.Millisecond)
		s.refresh("mode oidc goes on with it", second)
		_, err = s.device.Refresh(s.t.Context(), tms.RefreshRequest{Mode: tms.ModeTMS, AuthTokenID: first.ID, Refresh: first.Refresh})
		s.note("a token that was used", err, func() string { return "done" })
	}, []string{
		"refresh: done", "mode oidc goes on with it: another refresh token",
		"a token that was used: 401 REFRESH_TOKEN_INVALID: The refresh token is not valid.",
	}},
	{"server restarted", false, func(s *testService) {
		first := s.open()
		s.keycloak.stop()
		s.refresh("while it is away", first)
		s.keycloak.start()
		s.refresh("after", first)
	}, []string{fmt.Sprintf("while it is away: reach %d", tms.NotSent), "after: another refresh token"}},
	{"the server's clock is 20 minutes ahead", false, clockOffset, []string{
		"login: may list", "refresh: another refresh token", "lifetime: about 5m",
	}},
}

func (s *testService) enableClient(on bool) {
	s.t.Helper()
	var clients []struct{ ID string }
	s.keycloak.admin(http.MethodGet, "/clients?clientId=ems-scl-public-client", nil, &clients)
	s.keycloak.admin(http.MethodPut, "/clients/"+clients[0].ID, map[string]any{"clientId": "ems-scl-public-client", "enabled": on}, nil)
}

// clockOffset runs the server, and the service in front of it, ahead of us. It
// comes last: the server stays as it is.
func clockOffset(s *testService) {
	if _, err := exec.LookPath("faketime"); err != nil {
		s.t.Fatal("not run: faketime is not installed")
	}
	s.keycloak.stop()
	s.keycloak.start("faketime", "-f", "+20m")
	ahead := withKeycloak(s.t, s.keycloak, false, emulator.Options{Knobs: emulator.Knobs{ClockOffset: 20 * time.Minute}})
	session, err := ahead.admin.Login(context.Background(), admin.Password(realmUser, token.NewSecret(s.password)))
	if err == nil {
		_, err = session.AuthTokens(context.Background(), admin.AuthFilter{})
	}
	s.note("login", err, func() string { return "may list" })
	next := ahead.refresh("refresh", ahead.open())
	s.got = append(s.got, ahead.got...)
	life := "wrong: " + next.TTL.String()
	if next.TTL > 4*time.Minute && next.TTL <= 5*time.Minute {
		life = "about 5m"
	}
	s.got = append(s.got, "lifetime: "+life)
}
