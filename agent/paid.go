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
	for _, held := range a.regs.List() {
		switch {
		case held.Tenant != r.ID.Tenant:
		case slices.Contains(a.regs.Names(held.Token), r.Registration):
			return held.Token
		case !held.Spare.Token.IsZero() && slices.Contains(a.regs.Names(held.Spare.Token), r.Registration):
			return held.Spare.Token
		}
	}
	return token.Secret{}
}
