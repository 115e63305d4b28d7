package agent

import (
	"context"
	"errors"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/redeem"
)

// Redeem spends another count on one instance, because a person decided so.
// Administrators only. It does not wait.
func (a *Agent) Redeem(ctx context.Context, by Caller, application, number string) error {
	return a.administer(ctx, by, "redeem", application+"/"+number, func() error {
		return a.requestRedeem(ctx, by, application, number)
	})
}

func (a *Agent) requestRedeem(ctx context.Context, by Caller, application, number string) error {
	id, err := a.findDeclared("redeem", application, number)
	if err != nil {
		return err
	}
	return a.redeem.RequestRedeem(ctx, id, by.name())
}

// Ledger returns the account of every redemption, oldest first. Administrators
// only.
func (a *Agent) Ledger(ctx context.Context, by Caller) ([]redeem.Entry, error) {
	var entries []redeem.Entry
	err := a.administer(ctx, by, "ledger", "", func() error {
		entries = a.ledger.Entries()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// VerifyLedger reads the ledger again and compares it with what this process
// and the store hold. Administrators only.
func (a *Agent) VerifyLedger(ctx context.Context, by Caller) error {
	return a.administer(ctx, by, "ledger.verify", "", func() error {
		err := a.ledger.Verify()
		if errors.Is(err, redeem.ErrAltered) {
			return fault.Errorf("verify", fault.StoreUnreadable, "the ledger is not what this daemon wrote: %v; keep the file as it is, and restore the state directory", err)
		}
		if err != nil {
			return fault.Errorf("verify", fault.Unavailable, "the ledger cannot be verified now: %v", err)
		}
		return nil
	})
}

// Resolve records what a person found of an uncertain redemption, named by its
// id in the ledger. Administrators only.
func (a *Agent) Resolve(ctx context.Context, by Caller, redemption string, consumed bool) error {
	return a.administer(ctx, by, "ledger.resolve", redemption, func() error {
		return a.redeem.Resolve(ctx, redemption, consumed, by.name())
	})
}

// Forget wipes the auth token of one instance from this device; the service is
// not told. Administrators only.
func (a *Agent) Forget(ctx context.Context, by Caller, application, number string) error {
	return a.administer(ctx, by, "forget", application+"/"+number, func() error {
		id, err := a.findDeclared("forget", application, number)
		if err != nil {
			return err
		}
		return a.redeem.Forget(ctx, id, by.name())
	})
}

// administer does what only administrators may have done. That it is to be done
// is recorded before, so that policy can tie the one to the other; that it
// failed is recorded after.
func (a *Agent) administer(ctx context.Context, by Caller, action, name string, do func() error) error {
	decision, err := a.adminOnly(by, action)
	if err == nil && a.d.Unusable != nil {
		err = a.d.Unusable
	}
	if unrecorded := a.audit(ctx, by, action, name, decision, err); unrecorded != nil {
		return unrecorded
	}
	if err != nil {
		return err
	}
	if err = do(); err != nil {
		// It was refused or has failed by now, which no record can change.
		_ = a.audit(ctx, by, action, name, decision, err)
	}
	return err
}

// findDeclared finds an instance that the configuration declares.
func (a *Agent) findDeclared(op, application, number string) (instance.ID, error) {
	app, ok := a.settings.Load().Application(application)
	if !ok {
		return instance.ID{}, fault.Errorf(op, fault.UnknownApplication, "no application %.64q is configured", application)
	}
	return findInstance(app, number)
}
