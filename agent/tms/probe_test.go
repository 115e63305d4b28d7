package tms_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/agent/tms"
	"regent/agent/tms/contract"
	"regent/agent/tms/emulator"
	"regent/agent/token"
)

var madeUp = token.NewSecret("regent-doctor-0123")

// answers asks an emulator that is set to some forms, and returns what the
// client concludes, by key.
func answers(t *testing.T, e *emulator.Emulator, o tms.Options, seen ...tms.Form) contract.Findings {
	t.Helper()
	s := httptest.NewServer(e)
	defer s.Close()
	o.Tenant = s.URL
	return clientFor(t, o).Probe(t.Context(), madeUp).Findings(seen)
}

// TestProbeTellsTheVariant: by made-up secrets alone, and no count is used.
func TestProbeTellsTheVariant(t *testing.T) {
	tests := []struct {
		name  string
		forms emulator.Forms
		ours  tms.Forms
		row   contract.ID
		want  []string
	}{
		{"all ways of refreshing", emulator.Forms{}, tms.Forms{}, contract.RefreshMode, []string{"oidc", "tms", "tms_registration"}},
		{"oidc", emulator.Forms{Refresh: "oidc"}, tms.Forms{}, contract.RefreshMode, []string{"oidc"}},
		{"tms", emulator.Forms{Refresh: "tms"}, tms.Forms{}, contract.RefreshMode, []string{"tms"}},
		{"tms by the registration token", emulator.Forms{Refresh: "tms_registration"}, tms.Forms{}, contract.RefreshMode, []string{"tms_registration"}},
		{"basic", emulator.Forms{}, tms.Forms{}, contract.RegistrationHeader, []string{"basic", "basic_encoded"}},
		{"encoded", emulator.Forms{Authorization: "basic_encoded"}, tms.Forms{}, contract.RegistrationHeader, []string{"basic_encoded"}},
		{"bearer", emulator.Forms{Authorization: "bearer"}, tms.Forms{}, contract.RegistrationHeader, []string{"bearer"}},
		{"encoded, and by it", emulator.Forms{Authorization: "basic_encoded", Refresh: "tms_registration"}, tms.Forms{}, contract.RefreshMode, []string{"tms_registration"}},
		{"bearer hides which", emulator.Forms{Authorization: "bearer", Refresh: "tms_registration"}, tms.Forms{}, contract.RefreshMode, []string{"tms", "tms_registration"}},
		{"path", emulator.Forms{}, tms.Forms{}, contract.BasePath, []string{"/token/api/v5"}},
		{"another path", emulator.Forms{}, tms.Forms{Path: "/tms/api/v6"}, contract.BasePath, nil},
		{"nothing below another path", emulator.Forms{}, tms.Forms{Path: "/tms/api/v6"}, contract.RefreshMode, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := emulator.New(emulator.Options{Knobs: emulator.Knobs{Forms: tt.forms}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.IssueRegistrationToken("fleet", 10); err != nil {
				t.Fatal(err)
			}
			got := answers(t, e, tms.Options{Forms: tt.ours})[tt.row]
			if !slices.Equal(got.Answers, tt.want) || got.Why == "" {
				t.Errorf("got %+v, want the answers %v and a reason", got, tt.want)
			}
			if s := e.State(); s.Redeemed != 0 || s.Refreshed != 0 || s.RegistrationTokens[0].Used != 0 {
				t.Errorf("%d redeemed, %d refreshed, %d counts used, want none", s.Redeemed, s.Refreshed, s.RegistrationTokens[0].Used)
			}
		})
	}
}

// TestFindingsOfReplies: the forms of replies are known from earlier replies.
func TestFindingsOfReplies(t *testing.T) {
	wrapped, bare := tms.Form{Wrapped: true, AccessToken: "token"}, tms.Form{AccessToken: "accessToken"}
	tests := []struct {
		name         string
		seen         []tms.Form
		reply, named []string
	}{
		{"none", nil, nil, nil},
		{"one", []tms.Form{wrapped}, []string{"wrapped"}, []string{"token"}},
		{"before and after a change", []tms.Form{bare, wrapped, wrapped}, []string{"bare", "wrapped"}, []string{"accessToken", "token"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := tms.Probe{}.Findings(tt.seen)
			for row, want := range map[contract.ID][]string{contract.RedeemReply: tt.reply, contract.AccessName: tt.named} {
				if got := found[row].Answers; !slices.Equal(got, want) {
					t.Errorf("%s: got %v, want %v", row, got, want)
				}
			}
		})
	}
}

// TestProbeOtherServers: a portal, a service in trouble, and one that grants what
// was made up are no evidence of anything.
func TestProbeOtherServers(t *testing.T) {
	for name, fault := range map[string]emulator.Fault{
		"portal":  {Class: emulator.ClassAny, Count: 100, Status: 403, Body: "<html>log in</html>"},
		"trouble": {Class: emulator.ClassAny, Count: 100, Status: 503},
		"silence": {Class: emulator.ClassAny, Count: 100},
		"pause":   {Class: emulator.ClassAny, Count: 100, Status: 429},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := emulator.New(emulator.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := e.SetFaults(fault); err != nil {
				t.Fatal(err)
			}
			for key, v := range answers(t, e, tms.Options{Timeout: 20 * time.Second}) {
				if len(v.Answers) > 0 || strings.Contains(v.Why, madeUp.Reveal()) {
					t.Errorf("%s: concluded %v (%s)", key, v.Answers, v.Why)
				}
			}
		})
	}
}
