package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/lease"
	"regent/agent/policy"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// TokenRequest asks for an access token.
type TokenRequest struct {
	Application string
	Instance    string        // "1"; "" leases a free one
	MinTTL      time.Duration // wanted lifetime; a token with less is refreshed first
	Wait        time.Duration // how long to wait for MinTTL
	// With AtOnce, Token returns [ErrNotAtOnce] if it would have to wait. It then records
	// nothing and ends a new lease.
	AtOnce bool
}

// ErrNotAtOnce is the answer to a request with AtOnce that would have to wait. The caller
// sends the request again without AtOnce.
var ErrNotAtOnce = errors.New("the answer has to wait")

// Grant is an issued access token.
type Grant struct {
	Access      token.Secret
	ExpiresIn   time.Duration // above 0
	ExpiresAt   time.Time
	Application string
	Instance    string // "cad/1"
	Tenant      string // base URL
	Generation  uint64
}

// Caller is the local process that asks: its identity from the kernel, and a handle to
// check that the process still runs.
type Caller struct {
	authz.Caller
	// Process is the handle, open as long as the connection. It is never nil for a caller
	// that the platform identified.
	Process lease.Process
	// Recheck returns an error if the process has ended, or runs another executable than
	// at the connection. If it is nil, Verify checks only Process.
	Recheck func() error
	// Cgroup is set if a unit asks as a whole. Its leases then belong to the unit until
	// the cgroup is empty. Start is the number of the cgroup, and Process its handle.
	Cgroup string
}

// Verify returns a fault if the caller is no longer the process that connected. The
// package comment says who calls it.
func (c Caller) Verify(op string) error {
	check := c.Recheck
	if check == nil {
		check = c.Process.Alive
	}
	if gone := check(); gone != nil {
		return fault.Errorf(op, fault.Denied, "the process that asked has ended, or runs another program now").WithCause(gone)
	}
	return nil
}

// holder names the caller's process for a lease.
func (c Caller) holder(bootID string) lease.Holder {
	return lease.Holder{PID: c.PID, Start: c.Start, BootID: bootID, User: c.name(), Exe: c.Exe, Cgroup: c.Cgroup}
}

// name is the caller's user, or the unit, for people.
func (c Caller) name() string {
	if c.Unit != "" {
		return "unit " + c.Unit
	}
	if c.User == "" {
		return c.UID
	}
	return c.User
}

// Token leases an instance to the caller and returns its access token. It returns a valid
// token even if refreshes fail. Without a valid token, the caller waits for a refresh for
// at most 30 s or until ctx is done. The refresh itself goes on. Errors are faults: see
// the codes in ipc/PROTOCOL.md.
func (a *Agent) Token(ctx context.Context, by Caller, q TokenRequest) (Grant, error) {
	// The server took the caller's identity from the kernel.
	app, decision, err := a.admit(by, q.Application)
	var g Grant
	if err == nil {
		g, err = a.grant(ctx, by, app, q)
	}
	if q.AtOnce && errors.Is(err, ErrNotAtOnce) {
		return Grant{}, ErrNotAtOnce
	}
	return a.handOut(ctx, by, "token", q.Application, g, decision, err)
}

// handOut verifies the caller once more, records the request and returns its result.
func (a *Agent) handOut(ctx context.Context, by Caller, action, application string, g Grant, d authz.Decision, err error) (Grant, error) {
	if err == nil {
		err = by.Verify(action)
	}
	name := application
	if err == nil {
		name = g.Instance
	}
	if err = a.audit(ctx, by, action, name, d, err); err != nil {
		return Grant{}, err
	}
	return g, nil
}

// admit decides whether the caller may use the application.
func (a *Agent) admit(by Caller, name string) (policy.Application, authz.Decision, error) {
	app, err := a.application("token", name)
	if err != nil {
		return app, authz.Decision{Reason: "no such application"}, err
	}
	d := authz.Decide(by.Caller, app.Allow)
	if !d.Allow {
		return app, d, deniedFault(by, app, d.Doubt)
	}
	return app, d, nil
}

// application finds an application that the configuration declares.
func (a *Agent) application(op, name string) (policy.Application, error) {
	app, ok := (*a.applications.Load())[name]
	if !ok {
		return app, fault.Errorf(op, fault.UnknownApplication, "no application %.64q is configured. To list the applications, run: regent instances. An administrator adds one with: sudo regent setup", name)
	}
	return app, nil
}

func deniedFault(by Caller, app policy.Application, doubt string) *fault.Fault {
	if len(app.Allow) == 0 {
		return fault.Errorf("token", fault.Denied, "application %s has no allow rule, so every request is denied. An administrator adds one in %s", app.ID, app.Origin)
	}
	who := "uid " + by.UID
	if by.User != "" {
		who = fmt.Sprintf("%s (uid %s)", by.User, by.UID)
	}
	if doubt != "" {
		doubt = " (" + doubt + ")"
	}
	return fault.Errorf("token", fault.Denied, "no allow rule of application %s admits user %s, process %d%s. An administrator sees why with: sudo regent doctor. The rules are in %s", app.ID, who, by.PID, doubt, cmp.Or(app.Allow[0].Origin, app.Origin))
}

// grant leases an instance and gets its token. Without a token, it gives a new lease back.
func (a *Agent) grant(ctx context.Context, by Caller, app policy.Application, q TokenRequest) (Grant, error) {
	if a.d.Unusable != nil {
		return Grant{}, a.d.Unusable
	}
	id, got, err := a.leaseFor(by, app, q.Instance)
	if err != nil {
		return Grant{}, err
	}
	r, left, err := a.obtain(ctx, app, id, q)
	if got != lease.Shared {
		a.leases.EndRequest(id, by.holder(a.d.Clock.BootID()), err == nil)
	}
	if err != nil {
		return Grant{}, err
	}
	return Grant{
		Access: r.Access, ExpiresIn: left, ExpiresAt: a.d.Clock.Wall().Add(left),
		Application: app.ID, Instance: id.String(), Tenant: r.BaseURL, Generation: r.Generation,
	}, nil
}

// leaseFor leases the instance that the caller names, or its present one, or a free one.
func (a *Agent) leaseFor(by Caller, app policy.Application, named string) (token.Instance, lease.Result, error) {
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
			return id, got, a.busyFault(by, app, []token.Instance{id})
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
func (a *Agent) leasedBy(h lease.Holder, app policy.Application) (lowest token.Instance, ok bool) {
	host := token.TenantHost(app.Tenant)
	var few [4]token.Instance // enough for most callers without an allocation
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

// checkedLeases is how many leases one request checks for an ended process, to find a free
// instance. So a request costs the same for any number of leases.
const checkedLeases = 16

// leaseFree leases a free instance. It prefers a valid access token, then an instance that
// needs a refresh, then one that would cost a count. If no free one has a valid access
// token, it checks all leases.
func (a *Agent) leaseFree(by Caller, app policy.Application, claim lease.Claim) (token.Instance, lease.Result, error) {
	host, most := token.TenantHost(app.Tenant), checkedLeases
	for {
		a.leases.Expire(host, app.ID, most)
		id, rank := a.bestFree(app, host)
		if rank > 0 && most < app.Instances {
			most = app.Instances
			continue
		}
		if rank == ranks {
			return token.Instance{}, lease.Busy, a.busyFault(by, app, instanceIDs(app))
		}
		got, err := a.leases.Acquire(id, claim, false)
		if err != nil {
			return id, got, fault.New("token", fault.Denied, err).WithInstance(id.String())
		}
		if got != lease.Busy { // else another request was faster
			return id, got, nil
		}
	}
}

// bestFree returns the lowest free instance of the best rank; without one its rank is ranks.
func (a *Agent) bestFree(app policy.Application, host string) (best token.Instance, rank int) {
	rank = ranks
	for n := 1; rank > 0; n++ {
		if n = a.leases.Free(host, app.ID, n); n > app.Instances {
			break
		}
		id := token.Instance{Tenant: host, Application: app.ID, Number: n}
		if r := a.rank(id); r < rank {
			best, rank = id, r
		}
	}
	return best, rank
}

func findInstance(app policy.Application, named string) (token.Instance, error) {
	n, err := token.ParseInstanceNumber(named)
	if err != nil {
		return token.Instance{}, fault.Errorf("token", fault.InvalidRequest, "%v", err)
	}
	if n > app.Instances {
		return token.Instance{}, fault.Errorf("token", fault.UnknownInstance, "application %s has instances 1 to %d, not %d. An administrator can raise instances in %s. Each costs one count of the registration token", app.ID, app.Instances, n, cmp.Or(app.InstancesOrigin, app.Origin))
	}
	return instanceID(app, n), nil
}

// ranks is how many ranks there are.
const ranks = 3

// rank orders instances for a new lease: 0 has a valid access token, 1 needs a refresh, 2
// would cost a count.
func (a *Agent) rank(id token.Instance) int {
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

// busyFault says that all instances are leased. It names the holders to administrators.
func (a *Agent) busyFault(by Caller, app policy.Application, ids []token.Instance) *fault.Fault {
	var who []string
	admin := a.Administers(by)
	for _, id := range ids {
		if !admin || len(who) == 10 {
			break
		}
		if h, ok := a.leases.Holder(id); ok {
			who = append(who, fmt.Sprintf("%s by %s", id, a.holderStatus(id, h).Text()))
		}
	}
	text := fmt.Sprintf("all %d instances of %s are in use by running processes. End one, or ask an administrator to raise instances (each costs one count)", app.Instances, app.ID)
	if len(ids) == 1 && app.Instances > 1 {
		text = fmt.Sprintf("instance %s is in use by another running process. Name another one, or none to get a free one", ids[0])
	}
	if len(who) > 0 {
		text += ". In use: " + strings.Join(who, ", ")
	}
	return fault.Errorf("token", fault.NoFreeInstance, "%s", text)
}

// obtain returns a record with a valid access token, and how long that is valid.
func (a *Agent) obtain(ctx context.Context, app policy.Application, id token.Instance, q TokenRequest) (tokenstore.Record, time.Duration, error) {
	r, ok := a.tokens.Get(id)
	left, _ := r.AccessLife.Remaining(a.d.Clock)
	servable := ok && r.Servable() && left > 0
	if servable && (left >= q.MinTTL || r.AccessLife.TTL < q.MinTTL || !r.State.Refreshable()) {
		return r, left, nil
	}
	if q.AtOnce {
		return r, 0, ErrNotAtOnce
	}
	var err error
	switch {
	case servable:
		r = a.extend(ctx, r, q)
	case ok && r.State.Refreshable():
		r, err = a.awaitRefreshed(ctx, app, id, q.Wait)
	default:
		r, err = a.awaitRedeemed(ctx, app, id, q.Wait)
	}
	left, _ = r.AccessLife.Remaining(a.d.Clock)
	return r, left, err
}

// extend tries to get a token with a longer lifetime for as long as the caller wants to
// wait. It returns the valid one if that fails.
func (a *Agent) extend(ctx context.Context, r tokenstore.Record, q TokenRequest) tokenstore.Record {
	flight, err := a.refresh.Force(r.ID)
	if err != nil || q.Wait <= 0 {
		return r // a pause runs, or the caller does not wait
	}
	ctx, cancel := context.WithTimeout(ctx, q.Wait)
	defer cancel()
	if err := flight.Wait(ctx); err != nil {
		return r // the log and status show the failure
	}
	if fresh, ok := a.tokens.Get(r.ID); ok && fresh.Servable() {
		return fresh
	}
	return r
}

// Release ends a lease before its process ends. Only its holder may call it.
func (a *Agent) Release(ctx context.Context, by Caller, application, number string) error {
	return a.asHolder(ctx, by, "lease.release", application, number, func(id token.Instance) error {
		a.leases.Release(id, by.holder(a.d.Clock.BootID()))
		return nil
	})
}

// asHolder runs an action that only the holder of an instance may take, if it is still the
// process that connected. It records the action.
func (a *Agent) asHolder(ctx context.Context, by Caller, action, application, number string, do func(token.Instance) error) error {
	app, decision, err := a.admit(by, application)
	var id token.Instance
	if err == nil {
		id, err = findInstance(app, number)
	}
	if err == nil && !a.isHolder(by, id) {
		err = fault.Errorf(action, fault.Denied, "process %d does not lease instance %s", by.PID, id).WithInstance(id.String())
	}
	if err == nil {
		err = by.Verify(action)
	}
	if err == nil {
		err = do(id)
	}
	return a.audit(ctx, by, action, application+"/"+number, decision, err)
}
