package agent

import (
	"context"
	"fmt"
	"strings"
	"time"

	"regent/agent/audit"
	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/lease"
	"regent/agent/policy"
	"regent/agent/tokenstore"
)

// maxCallerWait is how long a caller waits for an instance that is redeemed on
// demand, or for a refresh without which there is nothing to serve.
const maxCallerWait = 30 * time.Second

// Token leases an instance to the caller and returns its access token. A valid
// token is served whatever else is wrong. With none the caller waits for a
// refresh, at most for 30 s or until ctx is done; the refresh itself goes on.
// Errors are faults: see the codes in ipc/PROTOCOL.md.
func (a *Agent) Token(ctx context.Context, by Caller, q TokenRequest) (Grant, error) {
	// The caller is from the kernel; the server saw to that.
	// 1. Decide.
	app, decision, err := a.admit(by, q.Application)
	var g Grant
	if err == nil {
		g, err = a.grant(ctx, by, app, q)
	}
	// 2. Still alive, and still the same executable?
	if err == nil {
		if err = by.denyIfGone("token"); err != nil {
			g = Grant{}
		}
	}
	// 3. Audit. 4. Answer.
	name := g.Instance
	if name == "" {
		name = q.Application
	}
	if unrecorded := a.audit(ctx, by, "token", name, decision, err); unrecorded != nil {
		return Grant{}, unrecorded
	}
	return g, err
}

// admit decides whether the caller may use the application.
func (a *Agent) admit(by Caller, name string) (policy.Application, authz.Decision, error) {
	app, ok := a.settings.Load().Application(name)
	if !ok {
		return app, authz.Decision{Reason: "no such application"},
			fault.Errorf("token", fault.UnknownApplication, "no application %.64q is configured; regent instances lists those that are; an administrator adds one in config.d", name)
	}
	d := authz.Decide(by.Caller, app.Allow)
	if !d.Allow {
		return app, d, deniedFault(by, app, d.Doubt)
	}
	return app, d, nil
}

func deniedFault(by Caller, app policy.Application, doubt string) *fault.Fault {
	if len(app.Allow) == 0 {
		return fault.Errorf("token", fault.Denied, "application %s has no allow rule, so nobody may use it; an administrator adds one where it is configured, %s", app.ID, app.Origin)
	}
	who := "uid " + by.UID
	if by.User != "" {
		who = fmt.Sprintf("%s (uid %s)", by.User, by.UID)
	}
	if doubt != "" {
		doubt = " (" + doubt + ")"
	}
	return fault.Errorf("token", fault.Denied, "no allow rule of application %s admits user %s, process %d%s; an administrator sees why with regent doctor, and can change the rules where it is configured, %s; a change applies by itself", app.ID, who, by.PID, doubt, app.Origin)
}

// grant leases an instance and obtains its token. A lease that was taken for
// nothing is given back.
func (a *Agent) grant(ctx context.Context, by Caller, app policy.Application, q TokenRequest) (Grant, error) {
	if a.d.Unusable != nil {
		return Grant{}, a.d.Unusable
	}
	id, got, err := a.leaseFor(by, app, q.Instance)
	if err != nil {
		return Grant{}, err
	}
	r, err := a.obtain(ctx, app, id, q)
	if got != lease.Shared {
		a.leases.EndRequest(id, by.holder(a.d.Clock.BootID()), err == nil)
	}
	if err != nil {
		return Grant{}, err
	}
	left, _ := r.AccessLife.Remaining(a.d.Clock)
	return Grant{
		Access: r.Access, ExpiresIn: left, ExpiresAt: a.d.Clock.Wall().Add(left),
		Application: app.ID, Instance: id.String(), Tenant: r.BaseURL, Generation: r.Generation,
	}, nil
}

// leaseFor finds the instance that the caller is to use: the one it names, the
// one it has, or a free one.
func (a *Agent) leaseFor(by Caller, app policy.Application, named string) (instance.ID, lease.Result, error) {
	claim := lease.Claim{Holder: by.holder(a.d.Clock.BootID()), Parent: by.ParentPID, Process: by.Process}
	if named != "" {
		id, err := findInstance(app, named)
		if err != nil {
			return id, lease.Busy, err
		}
		got, err := a.leases.Acquire(id, claim, true)
		if err != nil {
			return id, got, fault.New("token", fault.Denied, err).WithInstance(id.String())
		}
		if got == lease.Busy {
			return id, got, a.busyFault(by, app, []instance.ID{id})
		}
		return id, got, nil
	}
	if mine, ok := a.leasedBy(claim.Holder, app); ok {
		if got, err := a.leases.Acquire(mine, claim, false); err == nil && got != lease.Busy {
			return mine, got, nil
		}
	}
	return a.leaseFree(by, app, claim)
}

// leasedBy returns the lowest instance of the application that the process has.
func (a *Agent) leasedBy(h lease.Holder, app policy.Application) (lowest instance.ID, ok bool) {
	host := policy.Host(app.Tenant)
	var few [4]instance.ID // more than usual, so that asking costs no memory
	for _, id := range a.leases.ByHolder(h, few[:0]) {
		if id.Application != app.ID || id.Tenant != host || id.Number > app.Instances {
			continue
		}
		if !ok || id.Number < lowest.Number {
			lowest, ok = id, true
		}
	}
	return lowest, ok
}

// leaseFree leases a free instance: one that can be served now before one that
// a refresh can mend, and last one that would cost a count.
func (a *Agent) leaseFree(by Caller, app policy.Application, claim lease.Claim) (instance.ID, lease.Result, error) {
	for rank := range ranks {
		for n := 1; n <= app.Instances; n++ {
			id := instanceID(app, n)
			if a.rank(id) != rank {
				continue
			}
			got, err := a.leases.Acquire(id, claim, false)
			if err != nil {
				return id, got, fault.New("token", fault.Denied, err).WithInstance(id.String())
			}
			if got != lease.Busy {
				return id, got, nil
			}
		}
	}
	return instance.ID{}, lease.Busy, a.busyFault(by, app, instanceIDs(app))
}

func findInstance(app policy.Application, named string) (instance.ID, error) {
	n, err := instance.ParseNumber(named)
	if err != nil {
		return instance.ID{}, fault.Errorf("token", fault.InvalidRequest, "%v", err)
	}
	if n > app.Instances {
		return instance.ID{}, fault.Errorf("token", fault.UnknownInstance, "application %s has instances 1 to %d, not %d; an administrator can raise instances where it is configured, %s; each costs one count of the registration token", app.ID, app.Instances, n, app.Origin)
	}
	return instanceID(app, n), nil
}

// ranks is how many ranks there are.
const ranks = 3

// rank says how good it is to lease id: 0 is served now, 1 needs a refresh, 2
// would cost a count.
func (a *Agent) rank(id instance.ID) int {
	r, ok := a.tokens.Get(id)
	left, _ := r.AccessLife.Remaining(a.d.Clock)
	switch {
	case ok && r.Servable() && left > 0:
		return 0
	case ok && r.State.Refreshable():
		return 1
	default:
		return 2
	}
}

// busyFault says who has the instances, to administrators by name.
func (a *Agent) busyFault(by Caller, app policy.Application, ids []instance.ID) *fault.Fault {
	var who []string
	for _, id := range ids {
		if h, ok := a.leases.Holder(id); ok && len(who) < 10 {
			who = append(who, fmt.Sprintf("%s by %s", id, holderText(h)))
		}
	}
	text := fmt.Sprintf("all %d instances of %s are in use by running processes; end one, or have an administrator raise instances (each costs one count)", app.Instances, app.ID)
	if len(ids) == 1 && app.Instances > 1 {
		text = fmt.Sprintf("instance %s is in use by another running process; name another one, or none to get one that is free", ids[0])
	}
	if a.Administers(by) && len(who) > 0 {
		text += "; in use: " + strings.Join(who, ", ")
	}
	return fault.Errorf("token", fault.NoFreeInstance, "%s", text)
}

// holderText says for an administrator who holds a lease.
func holderText(h lease.Holder) string {
	if h.Cgroup != "" {
		return h.User
	}
	return fmt.Sprintf("process %d (%s, user %s)", h.PID, h.Exe, h.User)
}

// obtain returns a record whose access token is valid.
func (a *Agent) obtain(ctx context.Context, app policy.Application, id instance.ID, q TokenRequest) (tokenstore.Record, error) {
	r, ok := a.tokens.Get(id)
	if !ok {
		return a.awaitRedeemed(ctx, app, id, q.Wait)
	}
	left, _ := r.AccessLife.Remaining(a.d.Clock)
	if a.refresh.RevocationPending(id) {
		return r, a.stateFault(r)
	}
	if r.Servable() && left > 0 {
		return a.extend(ctx, r, left, q), nil
	}
	if !r.State.Refreshable() {
		return a.awaitRedeemed(ctx, app, id, q.Wait)
	}
	return a.awaitRefreshed(ctx, app, id, q.Wait)
}

// extend tries, for as long as the caller wants to wait, to get a token that
// is good for longer. The valid one is served in any case.
func (a *Agent) extend(ctx context.Context, r tokenstore.Record, left time.Duration, q TokenRequest) tokenstore.Record {
	if left >= q.MinTTL || r.AccessLife.TTL < q.MinTTL || !r.State.Refreshable() {
		return r
	}
	flight := a.refresh.TryForce(r.ID)
	if flight == nil || q.Wait <= 0 {
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, q.Wait)
	defer cancel()
	if err := flight.Wait(ctx); err != nil {
		return r // why it failed is in the log and in status
	}
	if fresh, ok := a.tokens.Get(r.ID); ok && fresh.Servable() {
		return fresh
	}
	return r
}

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

// Release gives a lease back early. Only its holder can.
func (a *Agent) Release(ctx context.Context, by Caller, application, number string) error {
	app, decision, err := a.admit(by, application)
	var id instance.ID
	if err == nil {
		id, err = findInstance(app, number)
	}
	if err == nil && !a.leases.Release(id, by.holder(a.d.Clock.BootID())) {
		err = fault.Errorf("release", fault.Denied, "process %d holds no lease of %s", by.PID, id).WithInstance(id.String())
	}
	if unrecorded := a.audit(ctx, by, "lease.release", application+"/"+number, decision, err); unrecorded != nil {
		return unrecorded
	}
	return err
}

// audit records a request and its outcome. It returns an error only where
// policy ties the answer to the record.
func (a *Agent) audit(ctx context.Context, by Caller, action, name string, d authz.Decision, outcome error) error {
	e := audit.Access{At: a.d.Clock.Wall(), Caller: by.Caller, Action: action, Instance: name, Decision: d}
	if outcome != nil {
		e.Outcome = fault.KindOf(outcome)
	}
	required := a.settings.Load().Audit == policy.Required
	e.Separate = required && outcome == nil // nothing is handed out that is not in the log
	if action == "token" {
		a.denials.record(e)
		a.counters.countToken(e.Outcome)
	}
	err := a.record(ctx, e)
	if err == nil {
		return nil
	}
	a.d.Log.WarnContext(ctx, "a request could not be recorded in the audit log", "err", err)
	if required {
		return fault.Errorf(action, fault.Unavailable, "the audit log cannot be written and policy requires it (audit: required); an administrator frees disk space or mends the log").WithCause(err)
	}
	return nil
}
