//go:build unix

package main

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// userService is a Token Management Service whose registration tokens are user and
// password of one Keycloak user each, which is assumed. All auth tokens of one are then
// sessions of that user. Its idpConfigurations name a client for which the tokens were
// not made: what refreshes has to read azp.
type userService struct {
	k       *keycloak
	made    atomic.Int32
	patched atomic.Int32 // refreshes by PATCH, which it does not have
}

func (f *userService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	say := func(status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/idpConfigurations"):
		say(http.StatusOK, map[string]any{"tokenEndpoint": f.k.url, "realm": "ems", "clientId": "a-client-that-is-not-there"})
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/authTokens"):
		user, password, _ := r.BasicAuth()
		form := url.Values{"grant_type": {"password"}, "client_id": {"ems-scl-public-client"}, "username": {user}, "password": {password}}
		granted := map[string]any{}
		err := f.k.do(http.MethodPost, "realms/ems/protocol/openid-connect/token", "application/x-www-form-urlencoded", "", form.Encode(), &granted)
		if err != nil {
			say(http.StatusUnauthorized, map[string]string{"errorCode": "REGISTRATION_TOKEN_INVALID", "message": err.Error()})
			return
		}
		var sent struct{ AuthToken map[string]any }
		body, _ := io.ReadAll(r.Body) // a body that is cut is no JSON
		_ = json.Unmarshal(body, &sent)
		granted["id"], granted["identifier"] = "at-"+strconv.Itoa(int(f.made.Add(1))), sent.AuthToken["identifier"]
		say(http.StatusCreated, map[string]any{"authToken": granted})
	case r.Method == http.MethodPatch:
		f.patched.Add(1)
		say(http.StatusMethodNotAllowed, map[string]string{"errorCode": "METHOD_NOT_ALLOWED", "message": "PATCH is not supported."})
	default:
		say(http.StatusNotFound, map[string]string{"errorCode": "NOT_FOUND", "message": "There is nothing at this path."})
	}
}

// user makes a Keycloak user, and returns what enables and disables it.
func (k *keycloak) user(name, password string) (enable func(bool)) {
	k.t.Helper()
	user := map[string]any{
		"username": name, "enabled": true, "email": name + "@registration-token.invalid", "emailVerified": true,
		"firstName": "registration", "lastName": "token",
		"credentials": []map[string]any{{"type": "password", "value": password, "temporary": false}},
	}
	k.admin(http.MethodPost, "/users", user, nil)
	var found []struct{ ID string }
	k.admin(http.MethodGet, "/users?exact=true&username="+name, nil, &found)
	if len(found) != 1 {
		k.t.Fatalf("%d users %s, want one", len(found), name)
	}
	return func(on bool) { k.admin(http.MethodPut, "/users/"+found[0].ID, map[string]any{"enabled": on}, nil) }
}

// TestKeycloakUser: a registration token that is a Keycloak user and password is
// redeemed for two instances, which refresh.mode: auto refreshes. What becomes of them
// when that user is disabled is what disabling the registration token would do.
func TestKeycloakUser(t *testing.T) {
	k := newKeycloak(t)
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./cmd/regentd", "./cmd/regent", "./cmd/tmsctl")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	both := func(text string) func(string) bool {
		return func(s string) bool { return strings.Count(s, text) == 2 }
	}
	t.Run("disabled after a refresh has worked", func(t *testing.T) {
		d, f, enable := deviceOfUser(t, k, bin, "rt-proven", 6)
		d.daemon()
		d.await("both refreshed", func(s string) bool { return strings.Contains(s, `"mode": "oidc"`) && haveBothRefreshed(s) })
		t.Logf("refresh.mode auto: %s", lineWith(string(d.run("regent", "status")), "Refresh"))
		enable(false)
		d.await("the end of both", both(`"state": "revoked"`))
		t.Logf("the user of the registration token is disabled: %s", lineWith(string(d.run("regent", "status")), "cad/1  "))
		enable(true)
		if n := f.patched.Load(); n != 0 {
			t.Errorf("%d refreshes by PATCH, although Keycloak's form had worked", n)
		}
		d.end()
	})
	t.Run("disabled before the first refresh", func(t *testing.T) {
		d, f, enable := deviceOfUser(t, k, bin, "rt-unproven", 20)
		d.daemon()
		d.await("both redeemed", both(`"state": "live"`))
		enable(false)
		d.await("uncertain, and kept", both(`"code": "refresh_uncertain"`))
		t.Logf("the user is disabled, and nothing has worked yet: %s", lineWith(string(d.run("regent", "status")), "Refresh"))
		if f.patched.Load() == 0 {
			t.Error("the other way was not tried")
		}
		enable(true)
		d.await("both live again", func(s string) bool { return both(`"state": "live"`)(s) && haveBothRefreshed(s) })
		if n := f.made.Load(); n != 2 {
			t.Errorf("%d redemptions, want one for each instance", n)
		}
		d.end()
	})
	runTrials(t, k, bin)
}

// deviceOfUser is a device with a registration token that is a new user of Keycloak.
func deviceOfUser(t *testing.T, k *keycloak, bin, name string, life int) (*device, *userService, func(bool)) {
	t.Helper()
	k.t = t
	k.set(map[string]any{"accessTokenLifespan": life, "revokeRefreshToken": true, "refreshTokenMaxReuse": 0})
	enable := k.user(name, "pass:word of "+name)
	f := &userService{k: k}
	server := httptest.NewUnstartedServer(f)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newDevice(t, bin, &program{url: server.URL, ca: ca})
	d.write("config.yaml", read(t, d.path("config.yaml"))+"    instances: 2\n")
	d.write("registration-token", base64.StdEncoding.EncodeToString([]byte(name+":pass:word of "+name)))
	return d, f, enable
}

// haveBothRefreshed reports whether two instances have been refreshed.
func haveBothRefreshed(status string) bool {
	return strings.Count(status, `"generation": `)-strings.Count(status, `"generation": 1,`)-strings.Count(status, `"generation": 0,`) == 2
}

// lineWith is the first line of a text that has a word in it.
func lineWith(text, word string) string {
	for l := range strings.Lines(text) {
		if strings.Contains(l, word) {
			return strings.TrimSpace(l)
		}
	}
	return "no line with " + word
}
