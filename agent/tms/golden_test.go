package tms_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"regent/agent/tms"
	"regent/agent/tms/exchangetest"
	"regent/agent/token"
)

// device is the request of the golden exchanges.
var device = tms.Request{
	Identifier: "regent-7d1f2c3a",
	FQDN:       "ws-017.example.com",
	UserName:   "regent",
	MAC:        "02:00:5e:10:00:01",
	RefID1:     "cad/1",
	RefID2:     "installation-4f8a",
}

var registration = token.NewSecret("REGISTRATION-must-never-appear")

func clientFor(t *testing.T, o tms.Options) *tms.Client {
	t.Helper()
	o.Proxy = "none"
	if o.Now == nil {
		o.Now = time.Now
	}
	c, err := tms.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func play(t *testing.T, name string) (*tms.Client, *exchangetest.Server) {
	t.Helper()
	s := exchangetest.Serve(t, exchangetest.Load(t, "testdata/exchanges", name))
	return clientFor(t, tms.Options{Tenant: s.URL, ExtraCA: s.CA}), s
}

func TestDiscoverGolden(t *testing.T) {
	c, s := play(t, "discover")
	got, err := c.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := tms.Provider{TokenEndpoint: s.URL + "/auth/", Realm: "ems", ClientID: "ems-scl-public-client"}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRedeemGolden(t *testing.T) {
	c, s := play(t, "redeem")
	got, err := c.Redeem(t.Context(), registration, device)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Values(0)["registration_token"], registration.Reveal(); got != want {
		t.Errorf("sent the registration token %q, want %q", got, want)
	}
	if !got.Echoed {
		t.Error("the reply shows the identifier, and that was not seen")
	}
	got.Echoed = false
	checkAuthToken(t, got, "some-id")
}

func TestRefreshGolden(t *testing.T) {
	tests := []struct{ mode, golden, wantID string }{
		{tms.ModeOIDC, "refresh-oidc", ""},
		{tms.ModeTMS, "refresh-tms", "at-17"},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			c, s := play(t, tt.golden)
			got, err := c.Refresh(t.Context(), refreshAt(tt.mode, s.URL))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := s.Values(0)["old_refresh_token"], "REFRESH-must-never-appear"; got != want {
				t.Errorf("sent the refresh token %q, want %q", got, want)
			}
			checkAuthToken(t, got, tt.wantID)
		})
	}
}

func refreshAt(mode, url string) tms.RefreshRequest {
	return tms.RefreshRequest{
		Mode:        mode,
		Provider:    tms.Provider{TokenEndpoint: url + "/auth/", Realm: "ems", ClientID: "ems-scl-public-client"},
		AuthTokenID: "at-17",
		Refresh:     token.NewSecret("REFRESH-must-never-appear"),
	}
}

func checkAuthToken(t *testing.T, got tms.AuthToken, wantID string) {
	t.Helper()
	want := tms.AuthToken{
		ID:      wantID,
		Access:  token.NewSecret("some-access_token"),
		Refresh: token.NewSecret("some-refresh_token"),
		TTL:     5 * time.Minute,
		Form:    got.Form, // see the variants
	}
	if diff := cmp.Diff(want, got); diff != "" { // Secret has an Equal method
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRefusalsGolden(t *testing.T) {
	redeem := func(t *testing.T, c *tms.Client, _ string) error {
		_, err := c.Redeem(t.Context(), registration, device)
		return err
	}
	refresh := func(t *testing.T, c *tms.Client, url string) error {
		_, err := c.Refresh(t.Context(), refreshAt(tms.ModeOIDC, url))
		return err
	}
	tests := []struct {
		golden string
		call   func(*testing.T, *tms.Client, string) error
		want   tms.Failure
	}{
		{"redeem-exhausted", redeem, tms.Failure{
			Op: "redeem", Status: 400, Code: "REGISTRATION_TOKEN_EXHAUSTED",
			Message: "The count of the registration token is exhausted.",
		}},
		{"redeem-expired", redeem, tms.Failure{
			Op: "redeem", Status: 400, Code: "REGISTRATION_TOKEN_EXPIRED",
			Message: "The registration token has expired.",
		}},
		{"internal-error-500", redeem, tms.Failure{
			Op: "redeem", Status: 500, Code: "INTERNAL_ERROR",
			Message: "An internal error occurred. Contact the system administrator for assistance.",
		}},
		{"throttled-429", redeem, tms.Failure{
			Op: "redeem", Status: 429, Code: "TOO_MANY_REQUESTS",
			Message: "Too many requests. Try again later.", RetryAfter: time.Minute, HasRetryAfter: true,
		}},
		{"refresh-oidc-invalid-grant", refresh, tms.Failure{
			Op: "refresh", Status: 400, Code: "invalid_grant", Message: "some-description", AboutForm: true,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.golden, func(t *testing.T) {
			c, s := play(t, tt.golden)
			got, ok := errors.AsType[*tms.Failure](tt.call(t, c, s.URL))
			if !ok {
				t.Fatal("no *Failure")
			}
			tt.want.Reach, tt.want.ServiceShape, tt.want.Host = tms.Answered, true, c.Host()
			if diff := cmp.Diff(&tt.want, got, cmpopts.IgnoreFields(tms.Failure{}, "Err", "Shape")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
