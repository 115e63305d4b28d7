package agent

import (
	"context"
	"time"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/policy"
	"regent/agent/tokenstore"
)

// maxCallerWait is how long a caller waits for an instance that is redeemed on
// demand, or for a refresh without which there is nothing to serve.
const maxCallerWait = 30 * time.Second

// awaitRefreshed waits for a refresh without which there is nothing to serve.
func (a *Agent) awaitRefreshed(ctx context.Context, app policy.Application, id instance.ID, wait time.Duration) (tokenstore.Record, error) {
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, maxCallerWait)
	defer cancel()
	flight, err := a.refresh.Join(id)
	if err == nil {
		err = flight.Wait(ctx)
	}
	r, ok := a.tokens.Get(id)
	left, known := r.AccessLife.Remaining(a.d.Clock)
	switch {
	case ok && r.Servable() && left > 0:
		return r, nil
	case ok && !r.State.Refreshable():
		return a.awaitRedeemed(whole, app, id, wait)
	case ok && !known:
		return r, fault.Errorf("token", fault.Unavailable, "this device's clock says %s, which is before the access token of %s was received, so its age is unknown, and a refresh has not worked yet; set the clock or restore the network", a.d.Clock.Wall().Format(time.RFC3339), id).WithInstance(id.String()).WithCause(err)
	case err == nil:
		return r, fault.New("token", fault.Unavailable, nil).WithInstance(id.String())
	}
	f := fault.From(err)
	if f.Kind == fault.Internal { // the caller's own time is up, the flight goes on
		f = fault.Errorf("token", fault.Unavailable, "the service has not answered in time; the refresh goes on").WithRetry(time.Second).WithCause(err)
	}
	return r, f.WithInstance(id.String())
}

// awaitRedeemed waits for an auth token of an instance that has none, or none of
// use: on demand, by policy, or as long as the caller wants to wait for what is
// under way.
func (a *Agent) awaitRedeemed(ctx context.Context, app policy.Application, id instance.ID, wait time.Duration) (tokenstore.Record, error) {
	old, held := a.tokens.Get(id)
	if app.Redeem == policy.OnDemand {
		a.redeem.Demand(id)
		wait = max(wait, maxCallerWait)
	}
	if held && old.State == instance.RefreshExpired {
		wait = max(wait, maxCallerWait) // policy may have it redeemed at this moment
	}
	if wait > 0 {
		ctx, cancel := context.WithTimeout(ctx, wait)
		a.redeem.WaitSettled(ctx, id)
		cancel()
	}
	r, ok := a.tokens.Get(id)
	if left, _ := r.AccessLife.Remaining(a.d.Clock); ok && r.Servable() && left > 0 {
		return r, nil
	}
	if ok && a.redeem.State(id) != instance.Uncertain {
		return r, a.stateFault(r)
	}
	f, _ := a.redeem.Reason(id)
	return r, f
}

// stateFault says why an auth token that cannot be refreshed serves nothing.
func (a *Agent) stateFault(r tokenstore.Record) *fault.Fault {
	if f, _ := a.refresh.LastFault(r.ID); f != nil {
		if f.Kind.NeedsPerson() {
			f = f.WithRetry(0) // a refresh is no help, whenever that pause ends
		}
		return f
	}
	kind := map[instance.State]fault.Kind{
		instance.Revoked:        fault.Revoked,
		instance.RefreshLost:    fault.RefreshLost,
		instance.RefreshExpired: fault.RefreshExpired,
		instance.Uncertain:      fault.RedemptionUncertain,
	}[r.State]
	if kind == "" {
		kind = fault.NotRegistered
	}
	return fault.New("token", kind, nil).WithInstance(r.ID.String())
}
