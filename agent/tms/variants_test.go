package tms_test

import (
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/tms"
	"regent/agent/tms/contract"
	"regent/agent/tms/exchangetest"
	"regent/agent/token"
)

// variant is a client that is set to the form of an exchange, and what of the
// answer is not as in the others.
type variant struct {
	mode   string
	forms  tms.Forms
	change func(*tms.AuthToken)
	body   string // the form of the request's
}

// variants are those of the tokens, by the exchange's name.
func variants() map[string]variant {
	camel := func(t *tms.AuthToken) { t.Form.AccessToken = "accessToken" }
	short := func(t *tms.AuthToken) { t.Form.AccessToken = "token" }
	bare := func(t *tms.AuthToken) { t.Form.Wrapped = false }
	named := func(id string) func(*tms.AuthToken) {
		return func(t *tms.AuthToken) { t.ID, t.RefreshTTL, t.Echoed = id, 1800e9, false } // no name in the reply
	}
	return map[string]variant{
		"redeem-bare":              {forms: tms.Forms{Reply: tms.Bare}, change: bare},
		"redeem-request-bare":      {body: tms.Bare},
		"redeem-camel":             {forms: tms.Forms{AccessToken: "accessToken"}, change: camel},
		"redeem-token":             {forms: tms.Forms{AccessToken: "token"}, change: short},
		"redeem-basic-encoded":     {forms: tms.Forms{Authorization: contract.BasicEncoded}},
		"redeem-bearer":            {forms: tms.Forms{Authorization: contract.Bearer}},
		"redeem-path":              {forms: tms.Forms{Path: "/tms/api/v6"}, change: named("at-17")},
		"redeem-number-id":         {change: named("17")},
		"redeem-text-lifetimes":    {change: named("at-17")},
		"refresh-tms-bare":         {mode: tms.ModeTMS, forms: tms.Forms{Reply: tms.Bare}, change: bare},
		"refresh-tms-registration": {mode: tms.ModeTMSRegistration},
	}
}

// TestVariants plays an exchange for each form that the contract leaves open:
// with the client set to that form, and, where it is a form of the answer, with
// one that takes them all.
func TestVariants(t *testing.T) {
	files, err := filepath.Glob("testdata/variants/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no variants: %v", err)
	}
	known := variants()
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		if strings.HasPrefix(name, "discover-") {
			t.Run(name, func(t *testing.T) { wantProvider(t, name) })
			continue
		}
		v, ok := known[name]
		if !ok {
			t.Errorf("%s: no client is set to it", name)
		}
		delete(known, name)
		t.Run(name, func(t *testing.T) {
			wantGranted(t, name, v)
			v.forms.Reply, v.forms.AccessToken = "", ""
			wantGranted(t, name, v)
		})
	}
	for name := range known {
		t.Errorf("%s: has no exchange", name)
	}
}

func wantProvider(t *testing.T, name string) {
	t.Helper()
	s := exchangetest.Serve(t, exchangetest.Load(t, "testdata/variants", name))
	c := clientFor(t, tms.Options{Tenant: s.URL, ExtraCA: s.CA})
	want := tms.Provider{TokenEndpoint: s.URL + "/auth/", Realm: "ems", ClientID: "ems-scl-public-client"}
	if name == "discover-root" {
		want.TokenEndpoint = s.URL + "/"
	}
	if got, err := c.Discover(t.Context()); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func wantGranted(t *testing.T, name string, v variant) {
	t.Helper()
	s := exchangetest.Serve(t, exchangetest.Load(t, "testdata/variants", name))
	c := clientFor(t, tms.Options{Tenant: s.URL, ExtraCA: s.CA, Forms: v.forms})
	var got tms.AuthToken
	var err error
	if strings.HasPrefix(name, "refresh") {
		r := refreshAt(v.mode, s.URL)
		r.AuthTokenID, r.Registration = "some-id", registration
		got, err = c.Refresh(t.Context(), r)
	} else {
		asked := device
		asked.Form = v.body
		got, err = c.Redeem(t.Context(), registration, asked)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := tms.AuthToken{
		ID: "some-id", Access: token.NewSecret("some-access_token"), Refresh: token.NewSecret("some-refresh_token"),
		TTL: 300e9, Form: tms.Form{Wrapped: true, AccessToken: "access_token"},
		Echoed: strings.HasPrefix(name, "redeem"),
	}
	if v.change != nil {
		v.change(&want)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
	sent := s.Values(0)
	for placeholder, want := range map[string]string{
		"registration_token":         registration.Reveal(),
		"registration_token_encoded": base64.StdEncoding.EncodeToString([]byte(registration.Reveal())),
	} {
		if got, ok := sent[placeholder]; ok && got != want {
			t.Errorf("sent the registration token as %q, want %q", got, want)
		}
	}
}

// TestFormsThatDoNotFit: what was bought is kept, also by a client that is set to
// another form.
func TestFormsThatDoNotFit(t *testing.T) {
	for exchange, forms := range map[string]tms.Forms{
		"redeem-bare":  {Reply: tms.Wrapped},
		"redeem-token": {Reply: tms.Bare},
		"redeem-camel": {AccessToken: "access_token"},
	} {
		t.Run(exchange, func(t *testing.T) {
			s := exchangetest.Serve(t, exchangetest.Load(t, "testdata/variants", exchange))
			c := clientFor(t, tms.Options{Tenant: s.URL, ExtraCA: s.CA, Forms: forms})
			if got, err := c.Redeem(t.Context(), registration, device); err != nil || got.Access.IsZero() || got.ID == "" {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}
