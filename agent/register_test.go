package agent

import (
	"testing"

	"regent/agent/redeem"
	"regent/agent/store/storetest"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// TestRegistrationOf: the registration token that paid, and no other, not even
// one of the same tenant.
func TestRegistrationOf(t *testing.T) {
	regs, err := redeem.OpenRegistrations(t.Context(), &storetest.Memory{})
	if err != nil {
		t.Fatal(err)
	}
	held := func(tenant, application, text, spare string) {
		h := redeem.RegistrationToken{Scope: redeem.Scope{Tenant: tenant, Application: application}, Token: token.NewSecret(text)}
		h.Fingerprint = token.Fingerprint(h.Token)
		if spare != "" {
			h.Fallback.Token = token.NewSecret(spare)
		}
		if err := regs.Store(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	held("here", "", "default-token", "replaced-token")
	held("here", "cad", "cad-token", "")
	held("there", "", "their-token", "")
	a := &Agent{registrations: regs}
	for paid, want := range map[string]string{
		"default-token": "default-token", "replaced-token": "replaced-token", "cad-token": "cad-token",
		"their-token": "", "forgotten-token": "",
	} {
		r := tokenstore.Record{ID: token.Instance{Tenant: "here", Application: "cad", Number: 1}, Registration: token.Fingerprint(token.NewSecret(paid))}
		if got := a.registrationOf(r); got.Reveal() != want {
			t.Errorf("%s paid: got %q, want %q", paid, got.Reveal(), want)
		}
	}
}
