package agent

import (
	"context"

	"regent/agent/authz"
	"regent/agent/fault"
)

// Explanation says which rule of an application decides about a process.
type Explanation struct {
	Application string
	Caller      authz.Caller
	Decision    authz.Decision
}

// Explain decides about another process as if it asked for a token, and leases
// nothing. Administrators only: of is called for no one else. What only an open
// connection proves, the user that the process had when it connected, is taken
// as it is now.
func (a *Agent) Explain(ctx context.Context, by Caller, application string, of func() (Caller, error)) (Explanation, error) {
	decision, err := a.adminOnly(by, "explain")
	var out Explanation
	if err == nil {
		out, err = a.explain(application, of)
	}
	if unrecorded := a.audit(ctx, by, "explain", application, decision, err); unrecorded != nil {
		return Explanation{}, unrecorded
	}
	return out, err
}

func (a *Agent) explain(application string, of func() (Caller, error)) (Explanation, error) {
	app, ok := a.settings.Load().Application(application)
	if !ok {
		return Explanation{}, fault.Errorf("explain", fault.UnknownApplication, "no application %.64q is configured; regent instances lists those that are", application)
	}
	who, err := of()
	if err != nil {
		return Explanation{}, fault.Errorf("explain", fault.InvalidRequest, "%v", err)
	}
	return Explanation{Application: app.ID, Caller: who.Caller, Decision: authz.Decide(who.Caller, app.Allow)}, nil
}
