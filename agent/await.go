package agent

import (
	"context"
	"time"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/refresh"
	"regent/agent/token"
	"regent/agent/tokenstore"
)

// maxCallerWait is how long a caller waits for a redemption on demand, or for a refresh
// if no valid access token is stored.
const maxCallerWait = 30 * time.Second

// awaitRefreshed waits for a refresh, since no valid access token is stored.
func (a *Agent) awaitRefreshed(ctx context.Context, app policy.Application, id token.Instance, wait time.Duration) (tokenstore.Record, error) {
	flight, err := a.refresh.Join(id)
	if err == nil {
		err = a.awaitFlight(ctx, "token", id, flight)
	}
	r, ok := a.tokens.Get(id)
	left, known := r.AccessLife.Remaining(a.d.Clock)
	switch {
	case ok && r.Servable() && left > 0:
		return r, nil
	case ok && !r.State.Refreshable():
		return a.awaitRedeemed(ctx, app, id, wait)
	case ok && !known:
		return r, fault.Errorf("token", fault.Unavailable, "the age of the access token of %[2]s is unknown, since the clock says %[1]s and the token was received later. A refresh has not worked yet. Set the clock or restore the network", a.d.Clock.Wall().Format(time.RFC3339), id).WithInstance(id.String()).WithCause(err)
	case err == nil:
		return r, fault.New("token", fault.Unavailable, nil).WithInstance(id.String())
	}
	return r, fault.From(err).WithInstance(id.String())
}

// awaitFlight waits for a refresh, as long as a caller may wait.
func (a *Agent) awaitFlight(ctx context.Context, op string, id token.Instance, flight *refresh.Flight) error {
	ctx, cancel := context.WithTimeout(ctx, maxCallerWait)
	defer cancel()
	err := flight.Wait(ctx)
	if err != nil && fault.From(err).Kind == fault.Internal { // the caller's time is up; the flight goes on
		return fault.Errorf(op, fault.Unavailable, "the service has not answered in time. The refresh goes on").WithInstance(id.String()).WithRetry(time.Second).WithCause(err)
	}
	return err
}

// awaitRedeemed waits for the redemption of an instance without a usable auth token. For
// redemption on demand or by policy, it waits for at least maxCallerWait. Otherwise it
// waits as long as the caller asked.
func (a *Agent) awaitRedeemed(ctx context.Context, app policy.Application, id token.Instance, wait time.Duration) (tokenstore.Record, error) {
	old, held := a.tokens.Get(id)
	if app.Redeem == policy.OnDemand {
		a.redeem.Demand(id)
		wait = max(wait, maxCallerWait)
	}
	if held && old.State == token.RefreshExpired {
		wait = max(wait, maxCallerWait) // policy may redeem it now
	}
	a.waitSettled(ctx, wait, id)
	r, ok := a.tokens.Get(id)
	if left, _ := r.AccessLife.Remaining(a.d.Clock); ok && r.Servable() && left > 0 {
		return r, nil
	}
	if ok && a.redeem.State(id) != token.Uncertain {
		return r, a.stateFault(r)
	}
	f, _ := a.redeem.Reason(id)
	return r, f
}

// stateFault says why no access token is issued from an auth token that cannot be
// refreshed.
func (a *Agent) stateFault(r tokenstore.Record) *fault.Fault {
	if f, _ := a.refresh.LastFault(r.ID); f != nil {
		if f.Kind.NeedsPerson() {
			f = f.WithRetry(0) // a refresh after the pause does not help
		}
		return f
	}
	return fault.New("token", refresh.KindOfState(r.State), nil).WithInstance(r.ID.String())
}

// Invalidate refreshes a token that Cloud LM refused, and waits for the refresh for at most
// 30 s. Only the instance's holder may call it. It causes at most one refresh a minute;
// further calls are throttled. seen is the refused generation, 0 if unknown. If a newer
// generation exists, Invalidate does nothing.
func (a *Agent) Invalidate(ctx context.Context, by Caller, application, number string, seen uint64) error {
	return a.asHolder(ctx, by, "invalidate", application, number, func(id token.Instance) error { return a.forceRefresh(ctx, id, seen) })
}

// forceRefresh refreshes id and waits for it.
func (a *Agent) forceRefresh(ctx context.Context, id token.Instance, seen uint64) error {
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
	return a.awaitFlight(ctx, "invalidate", id, flight)
}
