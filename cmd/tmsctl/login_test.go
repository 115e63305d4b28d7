package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/agent/tms"
	"regent/agent/tms/emulator"
	"regent/agent/token"
	"regent/platform/keyring"
)

// memoryKeyring is a person's keyring in memory.
type memoryKeyring map[string]string

func (r memoryKeyring) Get(_ context.Context, name string) (string, error) {
	if v, ok := r[name]; ok {
		return v, nil
	}
	return "", keyring.ErrNotFound
}

func (r memoryKeyring) Set(_ context.Context, name, secret string) error {
	r[name] = secret
	return nil
}

func (r memoryKeyring) Remove(_ context.Context, name string) error { delete(r, name); return nil }
func (r memoryKeyring) Kind() string                                { return "test" }

// TestLogin: the password is asked for once; later commands need none, and go on
// when the access token has ended; after logout it is asked for again.
func TestLogin(t *testing.T) {
	e, url := newService(t, emulator.Knobs{}, nil)
	held, password := memoryKeyring{}, e.Credentials().Password
	command := func(args ...string) (code int, out, said string) {
		var stdout, stderr bytes.Buffer
		w := typed(&stdout, &stderr, "", token.NewSecret(password))
		w.keyring = func() (loginStore, error) { return held, nil }
		code = run(t.Context(), w, append([]string{"--tenant", url, "--user", "admin"}, args...))
		return code, stdout.String(), stderr.String()
	}
	if code, out, said := command("login"); code != 0 || !strings.Contains(out, "kept in test") || !strings.Contains(said, "Password of admin") {
		t.Fatalf("login: %d %q %q", code, out, said)
	}
	for name, item := range held {
		if strings.Contains(item, password) {
			t.Errorf("%s holds the password", name)
		}
		if len(item) > 2560 {
			t.Errorf("%s has %d bytes, more than a Windows credential holds", name, len(item))
		}
	}
	for _, change := range []func(){func() {}, func() { forget(t, e) }} {
		change()
		if code, _, said := command("auth-token", "list"); code != 0 || said != "" {
			t.Errorf("list after login: %d %q", code, said)
		}
	}
	if code, _, said := command("logout"); code != 0 || len(held) != 0 {
		t.Errorf("logout: %d %q, %d items left", code, said, len(held))
	}
	if _, _, said := command("auth-token", "list"); !strings.Contains(said, "Password of admin") {
		t.Errorf("list after logout: %q", said)
	}
}

// forget lets access tokens end at once from now on.
func forget(t *testing.T, e *emulator.Emulator) {
	t.Helper()
	if err := e.FailNext(emulator.ClassAdmin, 1, 401); err != nil {
		t.Fatal(err)
	}
}

// TestNoKeyring: without one nothing is kept, and no file stands in.
func TestNoKeyring(t *testing.T) {
	var out, stderr bytes.Buffer
	args := []string{"--tenant", "https://tenant.invalid", "--user", "admin", "login"}
	if code := run(t.Context(), typed(&out, &stderr, "", token.NewSecret("pw")), args); code != 1 || !strings.Contains(stderr.String(), "no keyring") {
		t.Errorf("%d %q", code, &stderr)
	}
}

// TestLoginByBrowser: after it no command needs --user or a password, until it has
// ended. Nothing that is printed holds a token.
func TestLoginByBrowser(t *testing.T) {
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended := false
	mux := http.NewServeMux()
	mux.Handle("/", e)
	mux.HandleFunc("POST /auth/realms/ems/protocol/openid-connect/token", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("grant_type") != "authorization_code" || ended {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"invalid_grant"}`)
			return
		}
		form := strings.NewReader(url.Values{"grant_type": {"password"}, "client_id": {r.FormValue("client_id")}, "username": {"admin"}, "password": {e.Credentials().Password}}.Encode())
		login := httptest.NewRequest(http.MethodPost, r.URL.Path, form)
		login.Host = r.Host
		login.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		e.ServeHTTP(w, login)
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	held := memoryKeyring{}
	opens := true
	command := func(args ...string) (code int, said string) {
		var text bytes.Buffer
		w := typed(&text, &text, "", token.Secret{})
		w.keyring = func() (loginStore, error) { return held, nil }
		w.openBrowser = func(page string) error {
			go fakeBrowser(t, page)
			if !opens {
				return errors.New("there is no display")
			}
			return nil
		}
		code = run(t.Context(), w, append([]string{"--tenant", s.URL}, args...))
		for name, item := range held {
			if strings.Contains(text.String(), item) {
				t.Errorf("printed the login %s", name)
			}
		}
		return code, text.String()
	}
	want := func(code int, text string, args ...string) {
		t.Helper()
		if got, said := command(args...); got != code || !strings.Contains(said, text) {
			t.Errorf("%v: exit %d, said %q; want %d and %q", args, got, said, code, text)
		}
	}
	want(2, "tmsctl login --browser", "auth-token", "list")
	want(2, "excludes --password-file", "login", "--browser", "--user", "admin", "--password-file", "x")
	want(2, "--issuer needs --client-id", "login", "--browser", "--issuer", "https://idp.example.com")
	want(0, "logged in to "+s.Listener.Addr().String()+"; kept in test", "login", "--browser")
	want(0, "no auth tokens", "auth-token", "list")
	if err := e.FailNext(emulator.ClassAdmin, 1, 401); err != nil {
		t.Fatal(err)
	}
	ended = true
	want(1, "log in again with: tmsctl login --browser", "auth-token", "list")
	ended, opens = false, false
	want(0, "Open this page on this computer to log in:\n"+s.URL+"/auth/realms/ems/protocol/openid-connect/auth?", "login", "--browser")
	want(0, "browser at", "logout")
	want(2, "no login given", "auth-token", "list")
}

// fakeBrowser is a person who logs in at once.
func fakeBrowser(t *testing.T, page string) {
	u, err := url.Parse(page)
	if err != nil {
		t.Error(err)
		return
	}
	answer, err := http.Get(u.Query().Get("redirect_uri") + "?code=c&state=" + u.Query().Get("state"))
	if err != nil {
		t.Error(err)
		return
	}
	_ = answer.Body.Close() // nothing is read
}

// TestLoginRefused: what can be tried is named, and not what was tried.
func TestLoginRefused(t *testing.T) {
	refused := &tms.Failure{Op: "log in", Reach: tms.Answered, Status: 401, ServiceShape: true}
	for tried, flags := range map[string]globalFlags{
		"endUser-": {profile: profile{User: "endUser-ada@acme.example"}}, "--client-credentials": {profile: profile{ClientCredentials: true}},
	} {
		if step := flags.nextStep(refused); strings.Contains(step, tried) || !strings.Contains(step, "tmsctl login --browser") {
			t.Errorf("after %s: %q", tried, step)
		}
	}
	_, url := newService(t, emulator.Knobs{}, nil)
	var out, stderr bytes.Buffer
	args := []string{"--tenant", url, "--user", "admin", "auth-token", "list"}
	code := run(t.Context(), typed(&out, &stderr, "", token.NewSecret("wrong")), args)
	for _, want := range []string{"check the user and the password", "--user endUser-NAME", "--client-credentials", "tmsctl login --browser"} {
		if code != 1 || !strings.Contains(stderr.String(), want) {
			t.Errorf("exit %d, said %q; want 1 and %q", code, &stderr, want)
		}
	}
}

func TestProfiles(t *testing.T) {
	e, url := newService(t, emulator.Knobs{}, nil)
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	write(t, secret, e.Credentials().ClientSecret)
	file := filepath.Join(dir, "profiles.yaml")
	good := "default: robot\nprofiles:\n  robot: {tenant: '" + url + "', client_credentials: true, client_id: ems-admin-client, client_secret_file: " + secret +
		"}\n  person: {tenant: '" + url + "', user: admin}\n  far: {tenant: 'https://tenant.invalid', user: admin}\n"
	tests := []struct {
		name, content string
		args          []string
		code          int
		want          string
	}{
		{"the default", good, []string{"auth-token", "list"}, 0, "no auth tokens"},
		{"named", good, []string{"--profile", "person", "auth-token", "list"}, 0, "Password of admin"},
		{"a flag goes before", good, []string{"--profile", "far", "--tenant", url, "auth-token", "list"}, 0, "no auth tokens"},
		{"another person than the profile's", good, []string{"--profile", "robot", "--user", "admin", "auth-token", "list"}, 0, "Password of admin"},
		{"a tenant alone takes no default", good, []string{"--tenant", url, "auth-token", "list"}, 2, "no login given"},
		{"unknown", good, []string{"--profile", "acme", "auth-token", "list"}, 2, `there is no profile "acme" in ` + file + "\ntmsctl: the file has: far, person, robot"},
		{"list", good, []string{"profile", "list"}, 0, "client ems-admin-client"},
		{"a password has no key", "profiles: {a: {tenant: x, password: y}}\n", []string{"profile", "list"}, 2, `there is no key "password" in a profile`},
		{"no file", "", []string{"profile", "list"}, 0, "0 profiles in " + file},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_ = os.Remove(file) // of the test before
			if tt.content != "" {
				write(t, file, tt.content)
			}
			var out, stderr bytes.Buffer
			w := typed(&out, &stderr, "", token.NewSecret(e.Credentials().Password))
			w.getenv = func(name string) string {
				if name == "TMSCTL_PROFILES" {
					return file
				}
				return ""
			}
			if code := run(t.Context(), w, tt.args); code != tt.code || !strings.Contains(out.String()+stderr.String(), tt.want) {
				t.Errorf("exit %d, said %q and %q; want %d and %q", code, &out, &stderr, tt.code, tt.want)
			}
		})
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
