package agent

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/tms/contract"
	"regent/agent/tms/emulator"
)

// TestContractOfATenant: what an administrator is told of a tenant that has
// other forms than are configured, and that it costs no count.
func TestContractOfATenant(t *testing.T) {
	defaults, _ := policy.Resolve()
	change := func(s *policy.Settings) {
		s.Contract, s.Refresh = defaults.Settings.Contract, defaults.Settings.Refresh
	}
	simulateWith(t, 1, emulator.Knobs{}, change, func(fl *fleet) {
		m := fl.devices[0]
		used := fl.service.State().Redeemed
		k := fl.service.Knobs()
		k.Forms = emulator.Forms{Refresh: "tms", Authorization: "bearer"}
		if err := fl.service.SetKnobs(k); err != nil {
			fl.Fatal(err)
		}
		if _, err := m.agent.Contract(fl.Context(), Caller{Caller: authz.Caller{UID: "1000"}}); fault.KindOf(err) != fault.Denied {
			fl.Errorf("anybody: got %v, want denied", err)
		}
		got, err := m.agent.Contract(fl.Context(), Caller{Caller: authz.Caller{UID: "0", Admin: true}})
		if err != nil || len(got.Tenants) != 1 {
			fl.Fatalf("got %+v, %v, want one tenant", got, err)
		}
		fits, shown := map[string]contract.Fit{}, map[contract.ID][]string{}
		for _, f := range got.Tenants[0].Forms {
			if f.Key != "" && f.Key != "contract.request" {
				fits[f.Key] = f.Fits
			}
			shown[f.Row] = f.Answers
		}
		for _, id := range []contract.ID{contract.Discovery, contract.ErrorShape, contract.AccessLife, contract.RefreshLife} {
			if len(shown[id]) == 0 {
				fl.Errorf("%s: nothing is known after a redemption", id)
			}
		}
		want := map[string]contract.Fit{
			"contract.base_path": contract.FitYes, "refresh.mode": contract.FitYes, "contract.registration_header": contract.FitNo,
			"contract.reply": contract.FitYes, "contract.access_token_name": contract.FitYes, // by the redemption that was
		}
		if diff := cmp.Diff(fits, want); diff != "" {
			fl.Errorf("-got +want\n%s", diff)
		}
		if now := fl.service.State().Redeemed; now != used {
			fl.Errorf("%d counts used by asking", now-used)
		}
	})
}

func TestCompare(t *testing.T) {
	s := policy.Settings{
		Refresh:  policy.Refresh{Mode: contract.ModeOIDC},
		Contract: policy.Contract{Reply: contract.AnyForm, AccessTokenName: "accessToken", RegistrationHeader: contract.Basic},
	}
	got := compareConfigured([]contract.Form{
		{Key: "contract.reply", Answers: []string{"bare"}, Why: "seen"},
		{Key: "contract.access_token_name", Answers: []string{"token"}, Why: "seen"},
		{Key: "refresh.mode", Answers: []string{"oidc", "tms"}, Why: "asked"},
		{Key: "contract.registration_header", Answers: []string{}, Why: "no form told"},
		{Title: "times", Answers: []string{}, Why: "later"},
	}, s)
	want := []contract.Form{
		{Key: "contract.reply", Configured: "any", Answers: []string{"bare"}, Fits: contract.FitYes, Why: "seen"},
		{Key: "contract.access_token_name", Configured: "accessToken", Answers: []string{"token"}, Fits: contract.FitNo, Why: "seen"},
		{Key: "refresh.mode", Configured: "oidc", Answers: []string{"oidc", "tms"}, Fits: contract.FitYes, Why: "asked"},
		{Key: "contract.registration_header", Configured: "basic", Answers: []string{}, Fits: contract.FitUnknown, Why: "no form told"},
		{Title: "times", Answers: []string{}, Why: "later"},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}
