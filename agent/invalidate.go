package agent

import (
	"context"

	"regent/agent/fault"
	"regent/agent/instance"
)

// Invalidate has a token refreshed because Cloud LM refused it, and waits for
// the refresh, at most for 30 s. Only the instance's holder may, and it causes
// at most one refresh a minute: what is asked beyond that is throttled. seen is
// the generation that was refused, 0 if that is not known; if there is a newer
// one already, there is nothing to do.
func (a *Agent) Invalidate(ctx context.Context, by Caller, application, number string, seen uint64) error {
	// 1. Decide.
	app, decision, err := a.admit(by, application)
	var id instance.ID
	if err == nil {
		id, err = findInstance(app, number)
	}
	if err == nil && !a.isHolder(by, id) {
		err = fault.Errorf("invalidate", fault.Denied, "process %d holds no lease of %s", by.PID, id).WithInstance(id.String())
	}
	// 2. Still alive, and still the same executable?
	if err == nil {
		err = by.Verify("invalidate")
	}
	if err == nil {
		err = a.forceRefresh(ctx, id, seen)
	}
	// 3. Audit. 4. Answer.
	if unrecorded := a.audit(ctx, by, "invalidate", application+"/"+number, decision, err); unrecorded != nil {
		return unrecorded
	}
	return err
}

// forceRefresh refreshes id and waits for it.
func (a *Agent) forceRefresh(ctx context.Context, id instance.ID, seen uint64) error {
	if a.d.Unusable != nil {
		return a.d.Unusable
	}
	r, ok := a.tokens.Get(id)
	switch {
	case !ok:
		f, _ := a.redeem.Reason(id)
		return f
	case seen != 0 && r.Generation > seen:
		return nil
	case !r.State.Refreshable():
		return a.stateFault(r)
	}
	flight, err := a.refresh.Force(id)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, maxCallerWait)
	defer cancel()
	if err := flight.Wait(ctx); err != nil {
		if fault.From(err).Kind == fault.Internal { // the caller's own time is up, the flight goes on
			err = fault.Errorf("invalidate", fault.Unavailable, "the service has not answered in time; the refresh goes on").WithInstance(id.String()).WithCause(err)
		}
		return err
	}
	return nil
}
