package agent

import (
	"context"
	"errors"

	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/token"
)

// Administers reports whether the caller may administer. It is safe for concurrent use.
func (a *Agent) Administers(by Caller) bool { return a.administration(by).Allow }

func (a *Agent) administration(by Caller) authz.Decision {
	s := a.settings.Load().Administration
	return by.Administers(authz.Administration{FromContainers: s.FromContainers, WithCapabilities: !s.RootWithoutCapabilities})
}

// adminOnly decides about a request that only administrators may make.
func (a *Agent) adminOnly(by Caller, op string) (authz.Decision, error) {
	d := a.administration(by)
	switch {
	case d.Allow:
		return d, nil
	case d.Doubt != "":
		return d, fault.Errorf(op, fault.Denied, "only administrators of this system may do this: %s", d.Doubt)
	}
	return d, fault.Errorf(op, fault.Denied, "only an administrator may do this. %s", fault.AsAdministrator(authz.OperatorsGroup))
}

// Administer decides about an administrator's request and records it. The daemon itself
// carries it out, for example a reload. It returns nil if the request is allowed.
func (a *Agent) Administer(ctx context.Context, by Caller, action string) error {
	decision, err := a.adminOnly(by, action)
	return a.audit(ctx, by, action, "", decision, err)
}

// Redeem spends another count on one instance at a person's request. It does not wait
// for the redemption. Administrators only.
func (a *Agent) Redeem(ctx context.Context, by Caller, application, number string) error {
	return a.administerInstance(ctx, by, "redeem", application, number, a.redeem.RequestRedeem)
}

// Ledger returns the entries of the ledger, oldest first. Administrators only.
func (a *Agent) Ledger(ctx context.Context, by Caller) ([]redeem.Entry, error) {
	var entries []redeem.Entry
	err := a.administer(ctx, by, "ledger", "", func() error {
		entries = a.ledger.Entries()
		return nil
	})
	return entries, err
}

// VerifyLedger reads the ledger again and compares it with this process's copy and the
// store. Administrators only.
func (a *Agent) VerifyLedger(ctx context.Context, by Caller) error {
	return a.administer(ctx, by, "ledger.verify", "", func() error {
		err := a.ledger.Verify()
		if errors.Is(err, redeem.ErrAltered) {
			return fault.Errorf("verify", fault.StoreUnreadable, "the ledger differs from the one that regentd wrote: it was damaged, changed or removed (%v). Keep a copy of the file, then restore the state directory", err)
		}
		if err != nil {
			return fault.Errorf("verify", fault.Unavailable, "the ledger cannot be verified now: %v", err)
		}
		return nil
	})
}

// Resolve records a person's decision about an uncertain redemption, by its id in the
// ledger. Administrators only.
func (a *Agent) Resolve(ctx context.Context, by Caller, redemption string, consumed bool) error {
	return a.administer(ctx, by, "ledger.resolve", redemption, func() error {
		return a.redeem.Resolve(ctx, redemption, consumed, by.name())
	})
}

// Forget deletes the auth token of one instance from this device. It does not tell the
// service. Administrators only.
func (a *Agent) Forget(ctx context.Context, by Caller, application, number string) error {
	return a.administerInstance(ctx, by, "forget", application, number, a.redeem.Forget)
}

// administerInstance runs an administrator's action on a declared instance.
func (a *Agent) administerInstance(ctx context.Context, by Caller, action, application, number string, do func(ctx context.Context, id token.Instance, name string) error) error {
	return a.administer(ctx, by, action, application+"/"+number, func() error {
		app, err := a.application(action, application)
		if err != nil {
			return err
		}
		id, err := findInstance(app, number)
		if err != nil {
			return err
		}
		return do(ctx, id, by.name())
	})
}

// administer runs an administrator's action. It writes the audit record before, so policy
// can make the action depend on the record. It records a failure after the action.
func (a *Agent) administer(ctx context.Context, by Caller, action, name string, do func() error) error {
	decision, err := a.adminOnly(by, action)
	if err == nil && a.d.Unusable != nil {
		err = a.d.Unusable
	}
	if err = a.audit(ctx, by, action, name, decision, err); err != nil {
		return err
	}
	if err = do(); err != nil {
		// The action has failed already: a failure to record it changes nothing.
		_ = a.audit(ctx, by, action, name, decision, err)
	}
	return err
}

// Explanation is the decision of an application's allow rules about a process.
type Explanation struct {
	Application string
	Caller      authz.Caller
	Decision    authz.Decision
}

// Explain decides about another process as if it asked for a token, and leases nothing.
// Administrators only: it calls of for nobody else. It uses the process's present user,
// since only a connection proves the user at connect time.
func (a *Agent) Explain(ctx context.Context, by Caller, application string, of func() (Caller, error)) (Explanation, error) {
	decision, err := a.adminOnly(by, "explain")
	var out Explanation
	if err == nil {
		out, err = a.explain(application, of)
	}
	return out, a.audit(ctx, by, "explain", application, decision, err)
}

func (a *Agent) explain(application string, of func() (Caller, error)) (Explanation, error) {
	app, err := a.application("explain", application)
	if err != nil {
		return Explanation{}, err
	}
	who, err := of()
	if err != nil {
		return Explanation{}, fault.Errorf("explain", fault.InvalidRequest, "%v", err)
	}
	return Explanation{Application: app.ID, Caller: who.Caller, Decision: authz.Decide(who.Caller, app.Allow)}, nil
}
