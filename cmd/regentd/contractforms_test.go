package main

import (
	"log/slog"
	"testing"
	"time"

	"regent/agent/policy"
	"regent/agent/redeem"
	"regent/agent/tms"
	"regent/agent/tms/contract"
)

// TestFormsOfPolicyAndClient: each word that policy has for the contract is one that
// the client takes, and the defaults are the client's own.
func TestFormsOfPolicyAndClient(t *testing.T) {
	client := newService(slog.New(slog.DiscardHandler))
	resolved, _ := policy.Resolve()
	defaults := resolved.Settings
	if got, want := forms(defaults.Contract), (tms.Forms{Path: contract.DefaultPath, Reply: tms.AnyForm, AccessToken: tms.AnyForm, Authorization: contract.Basic}); got != want {
		t.Errorf("the defaults are %+v, want %+v", got, want)
	}
	choices := map[string]func(*policy.Settings, string){
		"refresh.mode":                 func(s *policy.Settings, w string) { s.Refresh.Mode = w },
		"contract.reply":               func(s *policy.Settings, w string) { s.Contract.Reply = w },
		"contract.access_token_name":   func(s *policy.Settings, w string) { s.Contract.AccessTokenName = w },
		"contract.registration_header": func(s *policy.Settings, w string) { s.Contract.RegistrationHeader = w },
	}
	for _, d := range policy.Table() {
		if choices[d.Key] == nil {
			continue
		}
		for _, word := range d.Words {
			s := defaults
			choices[d.Key](&s, word)
			if _, err := client("https://demo-host.com", s, func(time.Time) {}); err != nil {
				t.Errorf("%s: %s: %v", d.Key, word, err)
			}
		}
	}
	if redeem.FormAuto != contract.Auto {
		t.Errorf("redeem calls the form that it finds out %q, policy %q", redeem.FormAuto, contract.Auto)
	}
}
