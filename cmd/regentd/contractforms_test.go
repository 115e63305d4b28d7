package main

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"regent/agent/policy"
	"regent/agent/redeem"
	"regent/agent/tms"
)

// TestFormsOfPolicyAndClient: each word that policy has for the contract is one that
// the client takes, and the defaults are the client's own.
func TestFormsOfPolicyAndClient(t *testing.T) {
	client := newService(slog.New(slog.DiscardHandler))
	resolved, _ := policy.Resolve()
	defaults := resolved.Settings
	if got, want := forms(defaults.Contract), (tms.Forms{Path: tms.DefaultPath, Reply: tms.AnyForm, AccessToken: tms.AnyForm, Authorization: tms.Basic}); got != want {
		t.Errorf("the defaults are %+v, want %+v", got, want)
	}
	choices := map[string]func(*policy.Settings, string){
		"refresh.mode":                 func(s *policy.Settings, w string) { s.Refresh.Mode = w },
		"contract.reply":               func(s *policy.Settings, w string) { s.Contract.Reply = w },
		"contract.access_token_name":   func(s *policy.Settings, w string) { s.Contract.AccessTokenName = w },
		"contract.registration_header": func(s *policy.Settings, w string) { s.Contract.RegistrationHeader = w },
	}
	for key, choose := range choices {
		d, _ := policy.Lookup(key)
		for _, word := range d.Words {
			s := defaults
			choose(&s, word)
			if _, err := client("https://demo-host.com", s, func(time.Time) {}); err != nil {
				t.Errorf("%s: %s: %v", key, word, err)
			}
		}
	}
	request, _ := policy.Lookup("contract.request")
	if want := []string{redeem.FormAuto, tms.Wrapped, tms.Bare}; !slices.Equal(request.Words, want) {
		t.Errorf("policy has the request forms %v, redeem %v", request.Words, want)
	}
	d, _ := policy.Lookup("contract.access_token_name")
	if got, want := d.Words[1:], tms.AccessNames(); !slices.Equal(got, want) {
		t.Errorf("policy names %v, the client %v", got, want)
	}
}
