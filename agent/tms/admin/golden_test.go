package admin_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/tms/exchangetest"
	"regent/agent/token"
)

// exchanges are those of the first dialect, which the emulator is held to as well.
// testdata/exchanges has the family's, and more of the first.
const exchanges = "../testdata/exchanges"

// dialects are the forms in which the golden exchanges are played.
var dialects = []struct{ name, request, member, state, disabled string }{
	{"family", tms.Wrapped, "state", "ENABLE", "DISABLE"},
	{"first", tms.Bare, "status", "ENABLED", "DISABLED"},
}

// golden loads an exchange of a dialect.
func golden(t *testing.T, dialect, name string) exchangetest.Exchange {
	t.Helper()
	dir := "testdata/exchanges/" + dialect
	if _, err := os.Stat(dir + "/" + name + ".txtar"); err != nil {
		dir = exchanges
	}
	return exchangetest.Load(t, dir, name)
}

var (
	now  = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	user = admin.Password("admin", token.NewSecret("p&ss wörd"))

	fleet = admin.RegistrationToken{
		ID: "some-id", Identifier: "fleet-2026", Token: token.NewSecret("some-registration_token"),
		Count: 3, UsedKnown: true, Expires: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), State: admin.StateEnabled, Status: "ENABLED",
		RefID1: "engineering", RefID2: "batch-1", Customer: "Example GmbH", Created: now,
	}
)

func clientFor(t *testing.T, url string, ca []byte) *admin.Client {
	t.Helper()
	return clientThat(t, url, ca, tms.Forms{})
}

func clientThat(t *testing.T, url string, ca []byte, forms tms.Forms) *admin.Client {
	t.Helper()
	c, err := admin.New(tms.Options{Tenant: url, ExtraCA: ca, Proxy: "none", Forms: forms, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// logIn plays the exchanges of a login, then the named ones.
func logIn(t *testing.T, who admin.Credentials, login string, script ...exchangetest.Exchange) (*admin.Session, *exchangetest.Server) {
	t.Helper()
	return logInThat(t, tms.Forms{}, who, login, script...)
}

func logInThat(t *testing.T, forms tms.Forms, who admin.Credentials, login string, script ...exchangetest.Exchange) (*admin.Session, *exchangetest.Server) {
	t.Helper()
	before := []exchangetest.Exchange{exchangetest.Load(t, exchanges, "discover"), exchangetest.Load(t, exchanges, login)}
	s := exchangetest.Serve(t, append(before, script...)...)
	session, err := clientThat(t, s.URL, s.CA, forms).Login(t.Context(), who)
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
	client := admin.ClientCredentials("ems-admin-client", token.NewSecret("cl=ent"))
	tests := []struct {
		golden, secret, want string
		who                  admin.Credentials
	}{
		{"token-password", "password", "p&ss wörd", user},
		{"token-client-credentials", "client_secret", "cl=ent", client},
	}
	for _, tt := range tests {
		t.Run(tt.golden, func(t *testing.T) {
			_, s := logIn(t, tt.who, tt.golden)
			if got := s.Values(1)[tt.secret]; got != tt.want {
				t.Errorf("sent the %s %q, want %q", tt.secret, got, tt.want)
			}
		})
	}
}

// full is what the exchanges make.
var full = admin.NewRegistrationToken{
	Identifier: "fleet-2026", Count: 3, Expires: fleet.Expires.Add(23 * time.Hour),
	RefID1: "engineering", RefID2: "batch-1", Customer: "Example GmbH",
}

// TestRegistrationTokensGolden: each call in both dialects, with the form of bodies
// that is set.
func TestRegistrationTokensGolden(t *testing.T) {
	type result = []admin.RegistrationToken
	one := func(r admin.RegistrationToken, err error) (result, error) { return result{r}, err }
	count, day, disabled, enabled := 5, time.Date(2026, 12, 10, 23, 0, 0, 0, time.UTC), false, true
	tests := []struct {
		name   string
		golden []string
		only   string // the dialect that has it; "" for both
		want   func(r *admin.RegistrationToken, disabled string)
		call   func(*testing.T, *admin.Session, admin.RegistrationToken) (result, error)
	}{
		{
			"create",
			[]string{"registration-token-create"},
			"",
			func(r *admin.RegistrationToken, _ string) { r.Used = 0 },
			func(t *testing.T, s *admin.Session, _ admin.RegistrationToken) (result, error) {
				return one(s.CreateRegistrationToken(t.Context(), full, now))
			},
		},
		{
			"nothing empty is sent",
			[]string{"registration-token-create-least"},
			"",
			func(r *admin.RegistrationToken, _ string) { r.Used = 0 },
			func(t *testing.T, s *admin.Session, _ admin.RegistrationToken) (result, error) {
				return one(s.CreateRegistrationToken(t.Context(), admin.NewRegistrationToken{Identifier: "fleet-2026", Count: 3, Expires: fleet.Expires}, now))
			},
		},
		{
			"a customer by id",
			[]string{"registration-token-create-customer-id"},
			"family",
			func(r *admin.RegistrationToken, _ string) { r.Used = 0 },
			func(t *testing.T, s *admin.Session, _ admin.RegistrationToken) (result, error) {
				return one(s.CreateRegistrationToken(t.Context(), admin.NewRegistrationToken{Identifier: "fleet-2026", Count: 3, Expires: fleet.Expires, Customer: "id:7"}, now))
			},
		},
		{
			"list",
			[]string{"registration-token-list", "registration-token-list-end"},
			"family", nil,
			func(t *testing.T, s *admin.Session, _ admin.RegistrationToken) (result, error) {
				return s.RegistrationTokens(t.Context(), admin.RegistrationFilter{Identifier: "fleet-2026"})
			},
		},
		{
			"list of the first",
			[]string{"registration-token-list"},
			"first", nil,
			func(t *testing.T, s *admin.Session, _ admin.RegistrationToken) (result, error) {
				return s.RegistrationTokens(t.Context(), admin.RegistrationFilter{Identifier: "fleet-2026"})
			},
		},
		{
			"show",
			[]string{"registration-token-show"},
			"", nil,
			func(t *testing.T, s *admin.Session, _ admin.RegistrationToken) (result, error) {
				return one(s.RegistrationToken(t.Context(), "some-id"))
			},
		},
		{
			"change, and read back",
			[]string{"registration-token-update", "registration-token-show-changed"},
			"",
			func(r *admin.RegistrationToken, disabled string) {
				r.Count, r.Expires, r.State, r.Status = 5, time.Date(2026, 12, 10, 0, 0, 0, 0, time.UTC), admin.StateDisabled, disabled
				if disabled == "DISABLED" {
					r.Version = `"2"`
				}
			},
			func(t *testing.T, s *admin.Session, was admin.RegistrationToken) (result, error) {
				was.Version = `"1"`
				return one(s.UpdateRegistrationToken(t.Context(), was, admin.Change{Count: &count, Expires: &day, Enabled: &disabled}))
			},
		},
		{
			"enable, and read back",
			[]string{"registration-token-enable", "registration-token-show"},
			"", nil,
			func(t *testing.T, s *admin.Session, was admin.RegistrationToken) (result, error) {
				was.State = admin.StateDisabled
				return one(s.UpdateRegistrationToken(t.Context(), was, admin.Change{Enabled: &enabled}))
			},
		},
		{
			"delete",
			[]string{"registration-token-delete"},
			"", nil,
			func(t *testing.T, s *admin.Session, was admin.RegistrationToken) (result, error) {
				return result{was}, s.DeleteRegistrationToken(t.Context(), "some-id")
			},
		},
	}
	for _, d := range dialects {
		for _, tt := range tests {
			if tt.only != "" && tt.only != d.name {
				continue
			}
			t.Run(d.name+", "+tt.name, func(t *testing.T) {
				var script []exchangetest.Exchange
				for _, name := range tt.golden {
					script = append(script, golden(t, d.name, name))
				}
				session, s := logInThat(t, tms.Forms{Request: d.request}, user, "token-password", script...)
				was := fleet
				was.Used, was.Status, was.StateMember = 1, d.state, d.member
				want := was
				if tt.want != nil {
					tt.want(&want, d.disabled)
				}
				got, err := tt.call(t, session, was)
				if err != nil {
					t.Fatal(err)
				}
				wantBearer(t, s)
				if diff := cmp.Diff(result{want}, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}

// TestFormIsFoundGolden: a service that refuses a wrapped body gets a bare one, after
// a look at the list. What it took is proven then, and is sent at once.
func TestFormIsFoundGolden(t *testing.T) {
	load := func(dialect, name string) exchangetest.Exchange { return golden(t, dialect, name) }
	client, s := logIn(t, user, "token-password",
		load("family", "registration-token-refused"), load("family", "registration-token-list-empty"),
		load("first", "registration-token-create"), load("first", "registration-token-create"))
	for range 2 {
		got, err := client.CreateRegistrationToken(t.Context(), full, now)
		if err != nil || got.Token.IsZero() {
			t.Fatal(err)
		}
	}
	wantBearer(t, s)
}

// TestLostCreationGolden: a creation whose answer cannot be read is looked up, and is
// not repeated.
func TestLostCreationGolden(t *testing.T) {
	for _, answer := range []exchangetest.Response{{Status: 201}, {Status: 201, Body: `{"registrationToken":{"id":"1"}}`}, {Status: 500}, {Status: 502, Body: "<html>"}} {
		create := golden(t, "family", "registration-token-create")
		create.Response = answer
		session, _ := logIn(t, user, "token-password", create,
			golden(t, "family", "registration-token-list-made"), golden(t, "family", "registration-token-list-end"))
		want := fleet
		want.Status, want.StateMember, want.Found = "ENABLE", "state", true
		got, err := session.CreateRegistrationToken(t.Context(), full, now)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v, -want +got:\n%s", err, diff)
		}
	}
}

func TestAuthTokensGolden(t *testing.T) {
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			script := []exchangetest.Exchange{golden(t, d.name, "auth-token-list")}
			if d.name == "family" {
				script = append(script, golden(t, d.name, "auth-token-list-end"))
			}
			session, s := logIn(t, user, "token-password", script...)
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

			session, s = logIn(t, user, "token-password", golden(t, d.name, "auth-token-delete"))
			if err := session.DeleteAuthToken(t.Context(), "at/17"); err != nil {
				t.Fatal(err)
			}
			wantBearer(t, s)
			if got, want := s.Values(2)["id"], "at/17"; got != want {
				t.Errorf("deleted %q, want %q", got, want)
			}
		})
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
	session, _ := logInThat(t, tms.Forms{Request: tms.Bare}, user, "token-password", golden(t, "first", "registration-token-update-conflict"))
	was, count := fleet, 5
	was.Version = `"7"`
	_, err := session.UpdateRegistrationToken(t.Context(), was, admin.Change{Count: &count})
	if f, ok := errors.AsType[*tms.Failure](err); !errors.Is(err, admin.ErrChanged) || !ok || f.Status != 412 {
		t.Errorf("got %v, want that somebody else changed it", err)
	}
}
