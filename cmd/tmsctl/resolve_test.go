package main

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/agent/tms"
	"regent/agent/tms/emulator"
	"regent/agent/token"
)

// redeemAs redeems a new registration token for a device that calls its auth token so. It
// returns the ID of the auth token.
func redeemAs(t *testing.T, e *emulator.Emulator, url, identifier string) string {
	t.Helper()
	device, err := tms.New(tms.Options{Tenant: url, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	registration, err := e.IssueRegistrationToken("of "+identifier, 1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := device.Redeem(t.Context(), token.NewSecret(registration), tms.Request{Identifier: identifier, FQDN: "host"})
	if err != nil {
		t.Fatal(err)
	}
	return got.ID
}

// TestHostileIdentifier: a device that calls its auth token by the ID of another one does not
// get that one deleted, nor protect it.
func TestHostileIdentifier(t *testing.T) {
	e, url := newService(t, emulator.Knobs{}, nil)
	victim := redeemAs(t, e, url, "regent-1")
	hostile := redeemAs(t, e, url, victim)
	code, out, said := runTyped(t, e, url, "", "auth-token", "delete", "--yes", victim)
	if code != 1 || len(e.State().AuthTokens) != 2 || !strings.Contains(said, "names 2 auth tokens; nothing was changed") || !strings.Contains(said, "  "+hostile) {
		t.Errorf("exit %d, printed %q, said %q", code, out, said)
	}
	code, _, said = runTyped(t, e, url, "", "auth-token", "delete", "--yes", "id:"+victim)
	left := e.State().AuthTokens
	if code != 0 || len(left) != 1 || left[0].ID != hostile {
		t.Errorf("exit %d, said %q, left %v", code, said, left)
	}
	// By its identifier it is unique now.
	if code, _, said = runTyped(t, e, url, "", "auth-token", "delete", "--yes", victim); code != 0 || len(e.State().AuthTokens) != 0 {
		t.Errorf("exit %d, said %q", code, said)
	}
}

// TestNamesAreFiltered: to find a thing by its name, the service is never asked for all.
func TestNamesAreFiltered(t *testing.T) {
	var all []string
	e, url := newService(t, emulator.Knobs{}, func(e *emulator.Emulator) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if list := strings.HasSuffix(r.URL.Path, "Tokens"); r.Method == http.MethodGet && list && r.FormValue("identifier") == "" {
				all = append(all, r.URL.String())
			}
			e.ServeHTTP(w, r)
		})
	})
	id := redeemAs(t, e, url, "regent-1")
	registration := e.State().RegistrationTokens[0].ID
	for _, args := range []string{
		"registration-token show " + registration, "registration-token raise-count " + registration + " --to 7",
		"auth-token delete --dry-run regent-1 " + id, "registration-token disable --yes id:" + registration,
	} {
		if code, _, said := runTyped(t, e, url, "", strings.Fields(args)...); code != 0 || len(all) > 0 {
			t.Errorf("%s: exit %d, said %q, listed %q", args, code, said, all)
		}
	}
}

// TestNoSingleThing: a service that shows no single thing is asked for its list.
func TestNoSingleThing(t *testing.T) {
	for name, refuse := range map[string]func(http.ResponseWriter){
		"not allowed": func(w http.ResponseWriter) { w.WriteHeader(http.StatusMethodNotAllowed) },
		"unreadable":  func(w http.ResponseWriter) { _, _ = io.WriteString(w, "{") },
	} {
		e, url := newService(t, emulator.Knobs{}, func(e *emulator.Emulator) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, id, _ := strings.Cut(r.URL.Path, "/authTokens/"); r.Method == http.MethodGet && id != "" {
					refuse(w)
					return
				}
				e.ServeHTTP(w, r)
			})
		})
		ids := []string{redeemAs(t, e, url, "regent-1"), redeemAs(t, e, url, "regent-2")}
		code, out, said := runTyped(t, e, url, "", "auth-token", "delete", "--yes", ids[0], "regent-2")
		if left := e.State().AuthTokens; code != 0 || len(left) != 0 {
			t.Errorf("%s: exit %d, printed %q, said %q, left %v", name, code, out, said, left)
		}
	}
}

// TestNamesThatAreNotSent: what can be no name is refused before the login.
func TestNamesThatAreNotSent(t *testing.T) {
	e, url := newService(t, emulator.Knobs{}, nil)
	for _, name := range []string{"", "id:", "aGFuczpzZWNyZXQtcGFzc3dvcmRz"} {
		code, _, said := runTyped(t, e, url, "", "registration-token", "show", name)
		if lines := slices.Collect(strings.Lines(said)); code != 2 || strings.Contains(said, "aGFucz") {
			t.Errorf("%q: exit %d, said %q", name, code, lines)
		}
	}
}
