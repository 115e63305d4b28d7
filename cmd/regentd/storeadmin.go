package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"regent/agent"
	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/store/admin"
	"regent/ipc/api"
	"regent/ipc/server"
)

// storeJobs are what is to be done with the store while nobody uses it. They outlive
// the daemon's lives: each ends one, and is done before the next begins.
type storeJobs struct {
	mu         sync.Mutex
	pending    admin.Verb // "" is none, or nothing but a new life
	id         string
	last       *api.StoreOperation
	restart    chan struct{} // closed when this life is to end for another
	restarting bool          // wanted is closed
}

func newStoreJobs() *storeJobs { return &storeJobs{restart: make(chan struct{})} }

// start asks for a new life, and that v is done before it; "" does nothing more.
// Only one deed is under way at a time.
func (d *storeJobs) start(v admin.Verb) (id string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.restarting {
		return "", fault.Errorf(string(v), fault.Throttled, "another change of the store is under way; try again in a moment")
	}
	d.pending, d.id, d.restarting = v, newID(), true
	close(d.restart)
	return d.id, nil
}

// Run returns when this life is to end, or ctx is done.
func (d *storeJobs) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-d.restart:
	}
	return nil
}

// restartRequested reports whether there is to be another life, and prepares for it.
func (d *storeJobs) restartRequested() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	again := d.restarting
	if again {
		d.restart, d.restarting = make(chan struct{}), false
	}
	return again
}

// runPending does what is pending, on a safe of its own.
func (d *storeJobs) runPending(ctx context.Context, deps admin.Deps) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pending == "" {
		return
	}
	safe := admin.New(deps)
	_ = safe.Open(ctx) // what it comes to is what the deed is about
	r, err := safe.Execute(ctx, d.pending)
	d.last = &api.StoreOperation{ID: d.id, Verb: string(d.pending), Done: err == nil, SetAside: r.SetAside}
	if err != nil {
		d.last.Failure = fault.From(err).Text()
		deps.Log.ErrorContext(ctx, "the store was not changed as asked", "verb", string(d.pending), "err", err)
	} else {
		deps.Log.WarnContext(ctx, "the store was changed, as an administrator asked", "verb", string(d.pending), "kept", r.SetAside)
	}
	d.pending = ""
	if err := safe.Close(); err != nil {
		deps.Log.ErrorContext(ctx, "the store was not closed", "err", err)
	}
}

func (d *storeJobs) lastResult() *api.StoreOperation {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// storeAdmin answers for the store as a whole, in one life.
type storeAdmin struct {
	agent *agent.Agent
	jobs  *storeJobs
	guard status.Store

	mu      sync.Mutex     // over safe
	store   *admin.Manager // nil without a keyring
	options *options
}

var _ server.StoreManager = (*storeAdmin)(nil)

// StoreStatus implements [server.StoreManager].
func (k *storeAdmin) StoreStatus(ctx context.Context, by agent.Caller) (api.Store, error) {
	if err := k.agent.Administer(ctx, by, "store"); err != nil {
		return api.Store{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.store == nil {
		return k.report(api.Store{Ledger: "unknown"}), nil
	}
	r, err := k.store.Inspect(ctx)
	out := k.report(r)
	if err == nil && k.store.State() == "ok" {
		out.Ledger = k.ledger(ctx, by)
	}
	return out, err
}

// ledger says how the ledger is that the agent has in use.
func (k *storeAdmin) ledger(ctx context.Context, by agent.Caller) string {
	if err := k.agent.VerifyLedger(ctx, by); err != nil {
		return "altered"
	}
	return "ok"
}

// RunStoreOperation implements [server.StoreManager].
func (k *storeAdmin) RunStoreOperation(ctx context.Context, by agent.Caller, name string, really bool) (api.Store, error) {
	v := admin.Verb(name)
	if !v.Known() {
		return api.Store{}, fault.Errorf("store", fault.InvalidRequest, "there is nothing named %.40q to do with the store", name)
	}
	action := "store." + name
	if !really {
		action += ".plan"
	}
	if err := k.agent.Administer(ctx, by, action); err != nil {
		return api.Store{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.store == nil {
		return api.Store{}, fault.Errorf("store", fault.StoreUnreadable, "%s", k.guard.Detail)
	}
	if v == admin.Drill && really {
		r, err := k.store.Drill(ctx)
		return k.report(r), err
	}
	r, err := k.store.Plan(ctx, v)
	if err != nil {
		return api.Store{}, err
	}
	out := k.report(r)
	if !v.Changes() {
		if k.store.State() == "ok" {
			out.Ledger = k.ledger(ctx, by)
		}
		out.Done = true
		return out, nil
	}
	if really {
		out.ID, err = k.jobs.start(v)
	}
	return out, err
}

// Unregister implements [server.StoreManager]. The tokens and the key go at once; the
// rest follows before the next life.
func (k *storeAdmin) Unregister(ctx context.Context, by agent.Caller) (api.Store, error) {
	// 1. What the Contact Administrator can delete, while it can be read.
	wiped, err := k.agent.Unregister(ctx, by)
	if fault.KindOf(err) == fault.Denied {
		return api.Store{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.store == nil {
		return api.Store{}, fault.Errorf("unregister", fault.StoreUnreadable, "%s", k.guard.Detail)
	}
	// 2. The key: what is sealed under it is lost from here on.
	if err := k.store.ForgetKey(ctx); err != nil {
		return api.Store{}, err
	}
	// 3. What was kept until it would be proven, and what comes again at each start.
	files := tokenFiles(k.agent.Settings())
	left := removeAside(files)
	if err := k.options.saveUnregistered(files); err != nil {
		return api.Store{}, fault.Errorf("unregister", fault.Unavailable, "%v", err).WithCause(err)
	}
	out := k.report(api.Store{
		Ledger: "unknown", Verb: "unregister", Done: true, Wiped: wiped,
		Effect: fmt.Sprintf("%d auth tokens and the data key were wiped from this device; the service still has the auth tokens", len(wiped)),
	})
	if len(left) > 0 {
		out.Effect += "; registration tokens are left in files, erase them: sudo rm " + strings.Join(left, " ")
	}
	// 4. The records and everything else.
	out.ID, err = k.jobs.start(admin.Reset)
	return out, err
}

// report adds the daemon's knowledge to the store's report.
func (k *storeAdmin) report(r api.Store) api.Store {
	r.State, r.Protection, r.Detail, r.LastOperation = k.guard.State, k.guard.Guard, k.guard.Detail, k.jobs.lastResult()
	if r.Damaged == nil {
		r.Damaged = []api.StoreDamage{} // a list on the wire, never null
	}
	return r
}

// retry begins a new life if the store could not be used in this one: what kept
// it may have been mended.
func (k *storeAdmin) retry() {
	if k.guard.State != "ok" {
		_, _ = k.jobs.start("") // one that is under way is as good
	}
}
