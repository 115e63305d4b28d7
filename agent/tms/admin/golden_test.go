package admin_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/tms/internal/exchangetest"
	"regent/agent/token"
)

const exchanges = "../testdata/exchanges"

var (
	now  = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	user = admin.Password{User: "admin", Password: token.NewSecret("p&ss wörd")}

	fleet = admin.RegistrationToken{
		ID: "some-id", Identifier: "fleet-2026", Token: token.NewSecret("some-registration_token"),
		Count: 3, Expires: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), State: admin.StateEnabled, Status: "ENABLED",
		RefID1: "engineering", RefID2: "batch-1", Customer: "Example GmbH", Created: now,
	}
)

func clientFor(t *testing.T, url string, ca []byte) *admin.Client {
	t.Helper()
	c, err := admin.New(tms.Options{Tenant: url, ExtraCA: ca, Proxy: "none", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// logIn plays the exchanges of a login, then the named one.
func logIn(t *testing.T, who admin.Credentials, login, name string) (*admin.Session, *exchangetest.Server) {
	t.Helper()
	script := []exchangetest.Exchange{
		exchangetest.Load(t, exchanges, "discover"),
		exchangetest.Load(t, exchanges, login),
	}
	if name != "" {
		script = append(script, exchangetest.Load(t, exchanges, name))
	}
	s := exchangetest.Serve(t, script...)
	session, err := clientFor(t, s.URL, s.CA).Login(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	return session, s
}

// wantBearer says that the third call was made as whom the login said.
func wantBearer(t *testing.T, s *exchangetest.Server) {
	t.Helper()
	if got, want := s.Values(2)["admin_token"], s.Values(1)["access_token"]; got != want || got == "" {
		t.Errorf("called with the token %q, want the login's, %q", got, want)
	}
}

func TestLoginGolden(t *testing.T) {
	client := admin.ClientCredentials{ID: "ems-admin-client", Secret: token.NewSecret("cl=ent")}
	tests := []struct {
		golden, secret, want string
		who                  admin.Credentials
	}{
		{"token-password", "password", "p&ss wörd", user},
		{"token-client-credentials", "client_secret", "cl=ent", client},
	}
	for _, tt := range tests {
		t.Run(tt.golden, func(t *testing.T) {
			_, s := logIn(t, tt.who, tt.golden, "")
			if got := s.Values(1)[tt.secret]; got != tt.want {
				t.Errorf("sent the %s %q, want %q", tt.secret, got, tt.want)
			}
		})
	}
}

func TestRegistrationTokensGolden(t *testing.T) {
	used := fleet
	used.Used = 1
	changed := used
	changed.Count, changed.Expires, changed.State, changed.Status, changed.Version = 5, time.Date(2026, 12, 10, 0, 0, 0, 0, time.UTC), admin.StateDisabled, "DISABLED", `"2"`
	tests := []struct {
		golden string
		want   []admin.RegistrationToken
		call   func(*testing.T, *admin.Session) ([]admin.RegistrationToken, error)
	}{
		{"registration-token-create", []admin.RegistrationToken{fleet}, func(t *testing.T, s *admin.Session) ([]admin.RegistrationToken, error) {
			r, err := s.CreateRegistrationToken(t.Context(), admin.NewRegistrationToken{
				Identifier: "fleet-2026", Count: 3, Expires: fleet.Expires.Add(23 * time.Hour),
				RefID1: "engineering", RefID2: "batch-1", Customer: "Example GmbH",
			}, now)
			return []admin.RegistrationToken{r}, err
		}},
		{"registration-token-list", []admin.RegistrationToken{used}, func(t *testing.T, s *admin.Session) ([]admin.RegistrationToken, error) {
			return s.RegistrationTokens(t.Context(), admin.RegistrationFilter{Identifier: "fleet-2026"})
		}},
		{"registration-token-show", []admin.RegistrationToken{used}, func(t *testing.T, s *admin.Session) ([]admin.RegistrationToken, error) {
			r, err := s.RegistrationToken(t.Context(), "some-id")
			return []admin.RegistrationToken{r}, err
		}},
		{"registration-token-update", []admin.RegistrationToken{changed}, func(t *testing.T, s *admin.Session) ([]admin.RegistrationToken, error) {
			count, day, enabled := 5, changed.Expires.Add(23*time.Hour), false
			was := used
			was.Version = `"1"`
			r, err := s.UpdateRegistrationToken(t.Context(), was, admin.Change{Count: &count, Expires: &day, Enabled: &enabled})
			return []admin.RegistrationToken{r}, err
		}},
		{"registration-token-delete", nil, func(t *testing.T, s *admin.Session) ([]admin.RegistrationToken, error) {
			return nil, s.DeleteRegistrationToken(t.Context(), "some-id")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.golden, func(t *testing.T) {
			session, s := logIn(t, user, "token-password", tt.golden)
			got, err := tt.call(t, session)
			if err != nil {
				t.Fatal(err)
			}
			wantBearer(t, s)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAuthTokensGolden(t *testing.T) {
	session, s := logIn(t, user, "token-password", "auth-token-list")
	got, err := session.AuthTokens(t.Context(), admin.AuthFilter{Registration: "fleet-2026"})
	if err != nil {
		t.Fatal(err)
	}
	wantBearer(t, s)
	want := []admin.AuthToken{{
		ID: "some-id", Identifier: "regent-7d1f2c3a", FQDN: "ws-017.example.com", UserName: "regent",
		MAC: "02:00:5e:10:00:01", Registration: "fleet-2026", RefID1: "cad/1", RefID2: "installation-4f8a", Created: now,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	session, s = logIn(t, user, "token-password", "auth-token-delete")
	if err := session.DeleteAuthToken(t.Context(), "at/17"); err != nil {
		t.Fatal(err)
	}
	wantBearer(t, s)
	if got, want := s.Values(2)["id"], "at/17"; got != want {
		t.Errorf("deleted %q, want %q", got, want)
	}
}

func TestLoginRefusedGolden(t *testing.T) {
	refused := exchangetest.Load(t, exchanges, "token-password")
	refused.Response = exchangetest.Load(t, exchanges, "refresh-oidc-invalid-grant").Response
	s := exchangetest.Serve(t, exchangetest.Load(t, exchanges, "discover"), refused)
	_, err := clientFor(t, s.URL, s.CA).Login(t.Context(), user)
	f, ok := errors.AsType[*tms.Failure](err)
	if !ok || f.Op != "log in" || f.Status != 400 || f.Code != "invalid_grant" {
		t.Errorf("got %v, want a refused login", err)
	}
}

func TestUpdateConflictGolden(t *testing.T) {
	session, _ := logIn(t, user, "token-password", "registration-token-update-conflict")
	was, count := fleet, 5
	was.Version = `"7"`
	_, err := session.UpdateRegistrationToken(t.Context(), was, admin.Change{Count: &count})
	if f, ok := errors.AsType[*tms.Failure](err); !errors.Is(err, admin.ErrChanged) || !ok || f.Status != 412 {
		t.Errorf("got %v, want that somebody else changed it", err)
	}
}
