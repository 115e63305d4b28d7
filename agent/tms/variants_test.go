package tms_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/tms"
	"regent/agent/tms/internal/exchangetest"
	"regent/agent/token"
)

// TestVariants plays an exchange for each form that the contract leaves open. The
// client takes all of them, so none has to be chosen but the mode of a refresh.
func TestVariants(t *testing.T) {
	files, err := filepath.Glob("testdata/variants/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no variants: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			s := exchangetest.Serve(t, exchangetest.Load(t, "testdata/variants", name))
			c := clientFor(t, tms.Options{Tenant: s.URL, ExtraCA: s.CA, Mode: modeOf(name)})
			if kind, _, _ := strings.Cut(name, "-"); kind == "discover" {
				wantProvider(t, c, s.URL, name)
				return
			}
			wantGranted(t, c, name)
		})
	}
}

func modeOf(name string) string {
	if strings.HasPrefix(name, "refresh-tms") {
		return tms.ModeTMS
	}
	return tms.ModeOIDC
}

func wantProvider(t *testing.T, c *tms.Client, url, name string) {
	t.Helper()
	want := tms.Provider{TokenEndpoint: url + "/auth/", Realm: "ems", ClientID: "ems-scl-public-client"}
	if name == "discover-root" {
		want.TokenEndpoint = url + "/"
	}
	if got, err := c.Discover(t.Context()); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func wantGranted(t *testing.T, c *tms.Client, name string) {
	t.Helper()
	var got tms.AuthToken
	var err error
	if strings.HasPrefix(name, "refresh") {
		got, err = c.Refresh(t.Context(), tms.RefreshRequest{AuthTokenID: "at-17", Registration: registration})
	} else {
		got, err = c.Redeem(t.Context(), registration, device)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := tms.AuthToken{
		ID: "at-17", Access: token.NewSecret("some-access_token"), Refresh: token.NewSecret("some-refresh_token"),
		TTL: 300e9, RefreshTTL: 1800e9,
	}
	if name == "redeem-number-id" {
		want.ID = "17"
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
}
