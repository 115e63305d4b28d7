package agent

import (
	"slices"

	"regent/agent/token"
	"regent/agent/tokenstore"
)

// registrationOf returns the registration token that paid for an auth token, if
// it is kept still: the one that the mode tms_registration shows again. Another
// one would be refused, and the auth token taken for revoked.
func (a *Agent) registrationOf(r tokenstore.Record) token.Secret {
	for _, held := range a.registrations.List() {
		switch {
		case held.Tenant != r.ID.Tenant:
		case slices.Contains(a.registrations.Fingerprints(held.Token), r.Registration):
			return held.Token
		case !held.Fallback.Token.IsZero() && slices.Contains(a.registrations.Fingerprints(held.Fallback.Token), r.Registration):
			return held.Fallback.Token
		}
	}
	return token.Secret{}
}
