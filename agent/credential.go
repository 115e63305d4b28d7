package agent

import (
	"context"
	"slices"

	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/policy"
)

// Credential leases an instance to a unit of the service manager and returns its access
// token. The lease lasts as long as the unit has processes. Exactly one application must
// name the unit in its allow rules, otherwise Credential denies the request. The unit does
// not ask again, so its access token is not renewed. Errors are faults.
func (a *Agent) Credential(ctx context.Context, by Caller) (Grant, error) {
	app, decision, err := a.admitUnit(by)
	var g Grant
	if err == nil {
		g, err = a.grant(ctx, by, app, TokenRequest{Application: app.ID, Wait: maxCallerWait})
	}
	return a.handOut(ctx, by, "credential", app.ID, g, decision, err) // the caller is the unit as long as it has a process
}

// admitUnit finds the application that names the unit in its rules, and decides. It denies
// a unit without a process.
func (a *Agent) admitUnit(by Caller) (app policy.Application, d authz.Decision, err error) {
	var named []policy.Application
	for _, one := range a.settings.Load().Applications {
		if by.Unit != "" && slices.ContainsFunc(one.Allow, func(r authz.Rule) bool { return r.NamesUnit(by.Caller) }) {
			named = append(named, one)
		}
	}
	switch len(named) {
	case 0:
		return app, authz.Decision{Reason: "no rule names the unit"},
			fault.Errorf("credential", fault.Denied, "no allow rule of any application names the unit %q. An administrator adds it to units in a rule of one application", by.Unit)
	case 1:
		app = named[0]
	default:
		return app, authz.Decision{Reason: "the rules of several applications name the unit"},
			fault.Errorf("credential", fault.Denied, "the allow rules of both %s and %s name the unit %q, so Regent does not know which token to issue. Name the unit in one application only", named[0].ID, named[1].ID, by.Unit)
	}
	if d = authz.Decide(by.Caller, app.Allow); !d.Allow {
		return app, d, fault.Errorf("credential", fault.Denied, "no allow rule of application %s admits the unit %q by its name alone: %s", app.ID, by.Unit, d.Reason)
	}
	return app, d, by.Verify("credential")
}
