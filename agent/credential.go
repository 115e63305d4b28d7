package agent

import (
	"context"
	"slices"

	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/policy"
)

// Credential leases an instance to a unit of the service manager, for as long
// as the unit has processes, and returns its access token. The application is
// that of the one whose rules name the unit: where several do, none is meant.
// Errors are faults. The token is good only to its own end, since the unit does
// not ask again.
func (a *Agent) Credential(ctx context.Context, by Caller) (Grant, error) {
	app, decision, err := a.admitUnit(by)
	var g Grant
	if err == nil {
		g, err = a.grant(ctx, by, app, TokenRequest{Application: app.ID, Wait: maxCallerWait})
	}
	return a.handOut(ctx, by, "credential", app.ID, g, decision, err) // the caller is the unit as long as it has a process
}

// admitUnit finds the application whose rules name the unit, and decides.
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
			fault.Errorf("credential", fault.Denied, "no allow rule of any application names the unit %q; an administrator adds it to the units of one", by.Unit)
	case 1:
		app = named[0]
	default:
		return app, authz.Decision{Reason: "the rules of several applications name the unit"},
			fault.Errorf("credential", fault.Denied, "the rules of both %s and %s name the unit %q, so it is not known which token it is to get; name it in one alone", named[0].ID, named[1].ID, by.Unit)
	}
	if d = authz.Decide(by.Caller, app.Allow); !d.Allow {
		return app, d, fault.Errorf("credential", fault.Denied, "no allow rule of application %s admits the unit %q by its name alone: %s", app.ID, by.Unit, d.Reason)
	}
	return app, d, nil
}
