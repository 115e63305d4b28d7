package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"regent/agent"
	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/store/admin"
	"regent/ipc/api"
	"regent/ipc/server"
)

// storeJobs runs store operations that need an unused store. An operation first ends the
// current run of the daemon, and runs before the next one. It is safe for concurrent use.
type storeJobs struct {
	mu         sync.Mutex
	pending    admin.Verb // "" is none: a restart only
	id         string
	last       *api.StoreOperation
	restart    chan struct{} // closed to request a restart
	restarting bool          // restart is closed
}

func newStoreJobs() *storeJobs { return &storeJobs{restart: make(chan struct{})} }

// start requests a restart of the daemon and the operation v before it. With "" it only
// requests the restart. Only one operation runs at a time.
func (d *storeJobs) start(v admin.Verb) (id string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.restarting {
		return "", fault.Errorf(string(v), fault.Throttled, "another store operation is running; try again in a moment")
	}
	d.pending, d.id, d.restarting = v, newID(), true
	close(d.restart)
	return d.id, nil
}

// Run returns when a restart is requested or ctx is done.
func (d *storeJobs) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-d.restart:
	}
	return nil
}

// restartRequested reports whether a restart was requested, and resets the request.
func (d *storeJobs) restartRequested() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	again := d.restarting
	if again {
		d.restart, d.restarting = make(chan struct{}), false
	}
	return again
}

// runPending runs the pending operation, with a store manager of its own.
func (d *storeJobs) runPending(ctx context.Context, deps admin.Deps) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pending == "" {
		return
	}
	manager := admin.New(deps)
	_ = manager.Open(ctx) // the operation may be the cure for this error
	r, err := manager.Execute(ctx, d.pending)
	d.last = &api.StoreOperation{ID: d.id, Verb: string(d.pending), Done: err == nil, SetAside: r.SetAside}
	if err != nil {
		d.last.Failure = fault.From(err).Text()
		deps.Log.ErrorContext(ctx, "the store operation failed", "verb", string(d.pending), "err", err)
	} else {
		deps.Log.WarnContext(ctx, "an administrator's store operation is done", "verb", string(d.pending), "kept", r.SetAside)
	}
	d.pending = ""
	if err := manager.Close(); err != nil {
		deps.Log.ErrorContext(ctx, "cannot close the store", "err", err)
	}
}

func (d *storeJobs) lastResult() *api.StoreOperation {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// storeAdmin implements [server.StoreManager] for one run of the daemon.
type storeAdmin struct {
	agent *agent.Agent
	jobs  *storeJobs
	guard status.Store

	mu      sync.Mutex     // guards store
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

// ledger returns "ok" or "altered" for the agent's ledger.
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
		return api.Store{}, fault.Errorf("store", fault.InvalidRequest, "there is no store operation named %.40q", name)
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

// Unregister implements [server.StoreManager]. It deletes the tokens and the key at once,
// and the rest before the next run of the daemon.
func (k *storeAdmin) Unregister(ctx context.Context, by agent.Caller) (api.Store, error) {
	// 1. The list of auth tokens for the Contact Administrator, while it is readable.
	wiped, err := k.agent.Unregister(ctx, by)
	if fault.KindOf(err) == fault.Denied {
		return api.Store{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.store == nil {
		return api.Store{}, fault.Errorf("unregister", fault.StoreUnreadable, "%s", k.guard.Detail)
	}
	// 2. The key: everything sealed under it is lost from here on.
	if err := k.store.ForgetKey(ctx); err != nil {
		return api.Store{}, err
	}
	// 3. The unproven token files, and the token files that appear again at each start.
	files := tokenFiles(k.agent.Settings())
	left := removeAside(files)
	if err := k.options.saveUnregistered(files); err != nil {
		return api.Store{}, fault.Errorf("unregister", fault.Unavailable, "%v", err).WithCause(err)
	}
	tokens := len(slices.DeleteFunc(slices.Clone(wiped), func(w api.WipedToken) bool { return w.Uncertain }))
	out := k.report(api.Store{
		Ledger: "unknown", Verb: "unregister", Done: true, Wiped: wiped,
		Effect: fmt.Sprintf("%s and the data key were deleted from this device; the service still has the auth tokens", plural(tokens, "auth token")),
	})
	if len(left) > 0 {
		out.Effect += "; files with registration tokens are left, delete them: " + fault.Commands("sudo rm ") + strings.Join(left, " ")
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

// retry restarts the daemon if its store is unusable: the reason may be gone.
func (k *storeAdmin) retry() {
	if k.guard.State != "ok" {
		_, _ = k.jobs.start("") // an error means that a restart is requested already
	}
}
