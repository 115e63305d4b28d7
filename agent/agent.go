// Package agent has the use cases of the daemon: each file is one.
//
// It joins redemption, refresh, leases and the store, and issues access tokens.
// It imports no socket, no HTTP server and no operating system. [Deps] brings the parts
// that it needs of them.
//
// Before each answer, [Caller.Verify] checks once that the caller is still the process
// that connected. The agent checks it for requests that an allow rule permits (token,
// credential, lease, watch, invalidate), since the audit log records the result. The
// server checks it for all other requests, when their reply is ready.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"regent/agent/audit"
	"regent/agent/fault"
	"regent/agent/lease"
	"regent/agent/policy"
	"regent/agent/redeem"
	"regent/agent/refresh"
	"regent/agent/status"
	"regent/agent/store"
	"regent/agent/timing"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// Service is the remote service of one tenant.
type Service interface {
	Discover(ctx context.Context) (tms.Provider, error)
	Redeem(ctx context.Context, registration token.Secret, r tms.Request) (tms.AuthToken, error)
	Refresh(ctx context.Context, r tms.RefreshRequest) (tms.AuthToken, error)
	// Diagnose tests the service. It costs no count.
	Diagnose(ctx context.Context) tms.Diagnosis
	// Probe tests which request forms the service reads. It sends a made-up secret.
	Probe(ctx context.Context, madeUp token.Secret) tms.Probe
}

// Store keeps the sealed records of the agent.
type Store interface {
	store.Store
	// Probe proves that a record could be written now.
	Probe(ctx context.Context) error
}

// Deps are the dependencies of an [Agent]. All fields but Wakeups, WakeupsComplete,
// IsDiskFull, Problems, ConfigFile, SetupCommand, Executable and Unusable are required. If Unusable is set, Store, StateDir and
// LedgerKey are not required.
type Deps struct {
	Version  string
	Clock    timing.Clock
	Settings policy.Settings
	Problems []status.Problem // faults in the configuration, for status
	// ConfigFile is the absolute path of the configuration, and SetupCommand the command that
	// writes it, for status.
	ConfigFile, SetupCommand string

	Store       Store
	StateDir    string       // where the ledger is
	LedgerKey   []byte       // derived from the data key
	StoreStatus status.Store // key protection and keyring, for status
	// Unusable says why the store cannot be used. If it is set, the agent answers only
	// with its status and diagnosis. It does not redeem and changes no state.
	Unusable *fault.Fault

	// Service makes the client of a tenant from the settings. The client calls observe
	// with the Date header of each answer.
	Service     func(base string, s policy.Settings, observe func(date time.Time)) (Service, error)
	DeviceNames func() DeviceNames // the present names of the device; may take 1 s
	Audit       audit.Log
	Log         *slog.Logger
	Random      func() float64 // in [0,1)
	NewID       func() string  // fresh and unguessable, of lower-case letters and digits
	Wakeups     <-chan struct{}
	// WakeupsComplete says that Wakeups reports every resume and every change of the
	// clock. Then an idle agent may sleep for minutes.
	WakeupsComplete bool
	// IsDiskFull reports whether an error means a full disk or quota. nil means never.
	IsDiskFull func(error) bool

	// ReopenProcess finds the holder of a lease after a restart of the daemon. It returns
	// an error if that process has ended.
	ReopenProcess func(lease.Holder) (lease.Process, error)
	// Executable returns the program that a process runs now, "" if it is not known. A
	// process can lease an instance and then run another program, as regent exec does.
	Executable func(pid int) string
}

// Agent is the daemon's core. Its methods are safe for concurrent use. Call Run once.
type Agent struct {
	d            Deps
	started      time.Time
	device       string // names this installation to the service's administrator
	settings     atomic.Pointer[policy.Settings]
	applications atomic.Pointer[map[string]policy.Application] // of settings, by ID
	plan         atomic.Pointer[redeem.Plan]                   // made from settings
	problems     atomic.Pointer[[]status.Problem]

	tokens        *tokenstore.Store
	registrations *redeem.Registrations
	capabilities  *tokenstore.TenantCapabilities // the forms and modes that worked, by tenant
	sentNames     *redeem.SentNames              // the names of the first redemption
	currentNames  atomic.Pointer[DeviceNames]    // the names at the last reading
	ledger        *redeem.Ledger
	redeem        *redeem.Engine
	refresh       *refresh.Engine
	leases        lease.Table
	hub           hub
	clients       serviceClients
	localFailures *timing.LocalFailures // failures of this device, for example a full disk
	reports       sync.Map              // of status.Problem by source; see Report
	denials       *denials
	counters      requestCounters
	probes        probeQueue // for diagnoses
}

// New reads the store and returns an agent that is not yet running. It sends no request:
// stored access tokens can be issued at once.
func New(ctx context.Context, d Deps) (*Agent, error) {
	a := &Agent{d: d, started: d.Clock.Wall(), probes: newProbeQueue(), denials: newDenials()}
	a.setSettings(d.Settings, d.Problems)
	a.clients.clock, a.clients.breaker = d.Clock, timing.NewCircuitBreaker(d.Clock, d.Random)
	a.clients.make = func(base string, observe func(time.Time)) (Service, error) {
		return d.Service(base, a.Settings(), observe)
	}
	if d.Unusable != nil {
		// No tokens or tenants are known.
		a.tokens, a.registrations, a.capabilities = &tokenstore.Store{}, &redeem.Registrations{}, &tokenstore.TenantCapabilities{}
		return a, nil //nolint:nilerr // the agent answers each request with this fault
	}
	if err := a.open(ctx); err != nil {
		return nil, openFault(d.StateDir, err)
	}
	return a, nil
}

// openFault turns every failure to open the state into a fault that status can show. The
// daemon then runs and reports it. Without a fault, the service manager would restart it
// in a loop.
func openFault(dir string, err error) error {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f
	}
	if errors.Is(err, redeem.ErrAltered) {
		return fault.Errorf("open", fault.StoreUnreadable, "the ledger %s/%s differs from the one that regentd wrote: it was damaged, changed or removed. Regent changed no state and redeems no token. Restore the whole state directory from a backup, then run: sudo regent reload. Without a backup, run: sudo regent store recover", dir, redeem.LedgerName).WithCause(err)
	}
	if bad, ok := errors.AsType[*store.UnreadableError](err); ok {
		// Its instance and tenant are unknown: redeeming now could use a second count.
		return fault.Errorf("open", fault.StoreUnreadable, "the sealed record %s cannot be read. Regent changed no state and redeems no token. Restore the state directory", bad.Name).WithCause(bad.Err)
	}
	return fault.Errorf("open", fault.StoreUnreadable, "the state in %s cannot be opened. Regent changed no state and redeems no token. Correct the cause, which is in the log of regentd, then restart regentd", dir).WithCause(err)
}

func (a *Agent) open(ctx context.Context) error {
	var err error
	if a.device, err = deviceID(ctx, a.d.Store, a.d.NewID); err != nil {
		return err
	}
	if a.tokens, err = tokenstore.Open(ctx, a.d.Store); err != nil {
		return err
	}
	a.tokens.OnChange(func(r tokenstore.Record) { a.hub.publish(r.ID) })
	if a.registrations, err = redeem.OpenRegistrations(ctx, a.d.Store); err != nil {
		return err
	}
	if a.capabilities, err = tokenstore.OpenTenantCapabilities(ctx, a.d.Store); err != nil {
		return err
	}
	if a.ledger, err = redeem.OpenLedger(ctx, redeem.LedgerOptions{Dir: a.d.StateDir, Key: a.d.LedgerKey, Store: a.d.Store, Clock: a.d.Clock}); err != nil {
		return err
	}
	if a.sentNames, err = redeem.OpenSentNames(ctx, a.d.Store, a.ledger); err != nil {
		return err
	}
	a.readNames()
	a.saveSentNames(ctx)
	a.localFailures = timing.NewLocalFailures(a.d.Clock)
	a.redeem = redeem.NewEngine(ctx, redeem.Options{
		Loop: a.loop(a.redeemed), Probe: a.d.Store.Probe, Ledger: a.ledger, Registrations: a.registrations,
		Service: func(base string) (redeem.Service, error) { return a.clients.service(base) },
		Plan:    func() redeem.Plan { return *a.plan.Load() },
		Request: a.redeemRequest, NewID: func() string { return "regent-" + a.d.NewID() },
	})
	a.restoreLeases(ctx)
	a.refresh = refresh.NewEngine(refresh.Options{
		Loop:    a.loop(a.changed),
		Service: func(base string) (refresh.Service, error) { return a.clients.service(base) },
		Limits:  func() policy.Limits { return a.settings.Load().Limits }, Mode: a.refreshMode,
		Wakeups: a.d.Wakeups, WakeupsComplete: a.d.WakeupsComplete, Registration: a.registrationOf,
	})
	return nil
}

// loop returns the dependencies of an engine. The pauses for the device and for a tenant
// apply to all engines.
func (a *Agent) loop(changed func(ctx context.Context, id token.Instance, from, to token.State, cause fault.Kind)) tokenstore.Loop {
	return tokenstore.Loop{
		Tokens: a.tokens, Capabilities: a.capabilities, Signal: timing.NewSignal(), Clock: a.d.Clock, Random: a.d.Random,
		Pauses: timing.NewPauses(a.d.Clock, a.d.Random, a.clients.breaker.Remaining, a.localFailures),
		Skew:   a.clients.skew, Changed: changed, Log: a.d.Log,
	}
}

// leasesFile is the journal of leases in the state directory.
const leasesFile = "leases.jsonl"

// restoreLeases restores the leases of processes that still run after a restart of the
// daemon. If the journal fails, the agent logs that and issues tokens all the same.
func (a *Agent) restoreLeases(ctx context.Context) {
	kept, err := a.leases.OpenJournal(filepath.Join(a.d.StateDir, leasesFile))
	if err != nil {
		a.d.Log.WarnContext(ctx, "the leases of running processes may be forgotten when the daemon is restarted", "err", err)
	}
	a.leases.OnJournalError = func(err error) {
		a.d.Log.WarnContext(context.WithoutCancel(ctx), "a lease will be forgotten when the daemon is restarted", "err", err)
	}
	for _, k := range kept {
		if k.Holder.BootID != a.d.Clock.BootID() {
			continue
		}
		p, err := a.d.ReopenProcess(k.Holder)
		if err != nil {
			a.d.Log.DebugContext(ctx, "a lease has ended with its process while the daemon was away", "instance", k.Instance.String(), "err", err)
			continue
		}
		a.leases.Restore(k.Instance, k.Holder, p)
	}
}

// Run redeems, refreshes and runs probes until ctx is done. It returns when all its
// goroutines have ended and the result of every started request is recorded.
func (a *Agent) Run(ctx context.Context) error {
	if a.d.Unusable != nil {
		a.runProbes(ctx)
		return nil //nolint:nilerr // New reported it; this loop has not failed
	}
	var loops sync.WaitGroup
	loops.Go(func() { a.redeem.Run(ctx) })
	loops.Go(func() { a.refresh.Run(ctx) })
	loops.Go(func() { a.runProbes(ctx) })
	loops.Wait()
	return errors.Join(a.leases.Close(), a.ledger.Close())
}

// Apply makes s the settings in force. It changes no auth token: if the tenant changed,
// Regent keeps the auth tokens of the previous one.
func (a *Agent) Apply(s policy.Settings, problems []status.Problem) {
	a.setSettings(s, problems)
	a.denials.clear() // the previous configuration caused them
	a.clients.reset() // the next request uses the new network settings
	a.clients.breaker.Retry()
	a.hub.wakeAll()
	if a.d.Unusable == nil {
		a.localFailures.Retry()
		a.redeem.Retry()
		a.refresh.Retry()
	}
}

// setSettings puts s and the plan made from it into force. It makes the plan once, since
// a plan for 1,000 instances has 1,000 names.
func (a *Agent) setSettings(s policy.Settings, problems []status.Problem) {
	p := planOf(&s)
	applications := map[string]policy.Application{}
	for _, app := range s.Applications {
		applications[app.ID] = app
	}
	a.settings.Store(&s)
	a.applications.Store(&applications)
	a.plan.Store(&p)
	a.problems.Store(&problems)
}

// Settings returns the settings in force.
func (a *Agent) Settings() policy.Settings { return *a.settings.Load() }

// deviceRecord is the sealed record with the name of this installation.
const deviceRecord = "device"

// deviceID returns the stable name of this installation. The first call makes it. The
// Contact Administrator sees it as ref ID 2 of each auth token.
func deviceID(ctx context.Context, s store.Store, newID func() string) (string, error) {
	b, _, err := s.Get(ctx, deviceRecord)
	if err == nil {
		return string(b), nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return "", fault.Errorf("open", fault.StoreUnreadable, "the sealed record %s cannot be read. Regent changed no state. Restore the state directory", deviceRecord).WithCause(err)
	}
	id := "device-" + newID()
	if _, err := s.Put(ctx, deviceRecord, []byte(id), 0); err != nil {
		return "", fmt.Errorf("name this installation: %w", err)
	}
	return id, nil
}

// redeemed is changed for the redeem engine. A new auth token clears the refresh failures
// of the previous one.
func (a *Agent) redeemed(ctx context.Context, id token.Instance, from, to token.State, cause fault.Kind) {
	if to == token.Live {
		a.refresh.Redeemed(id)
	}
	a.changed(ctx, id, from, to, cause)
}

// changed records a change of state in the audit log. If that fails, it logs the failure.
func (a *Agent) changed(ctx context.Context, id token.Instance, from, to token.State, cause fault.Kind) {
	a.saveSentNames(ctx)
	e := audit.Change{At: a.d.Clock.Wall(), Instance: id, From: from, To: to, Cause: cause}
	a.counters.update(func(c *status.Counters) { c.Changes[string(to)]++ })
	if err := a.record(ctx, e); err != nil {
		a.d.Log.WarnContext(ctx, "a change of state could not be recorded in the audit log", "instance", id.String(), "err", err)
	}
	// After a new auth token, another request may begin. Policy may redeem an ended one again.
	a.refresh.Check(id)
	a.redeem.Check(id)
	a.hub.publish(id)
}

// planOf makes the plan of redemption from the settings. It is pure.
func planOf(s *policy.Settings) redeem.Plan {
	p := redeem.Plan{
		UncertainRetries: s.Limits.RedeemUncertainRetries, Splay: s.Limits.RedeemSplay,
		KeepRegistrationToken: s.KeepRegistrationToken, RedeemOnExpiry: s.Refresh.OnRefreshExpired == policy.RedeemAgain,
		RequestForm: s.Contract.Request, RequestConfirmed: s.Contract.RequestConfirmed,
	}
	for _, app := range s.Applications {
		for _, id := range instanceIDs(app) {
			p.Targets = append(p.Targets, redeem.Target{ID: id, BaseURL: app.Tenant, OnDemand: app.Redeem == policy.OnDemand})
		}
	}
	return p
}

// instanceIDs lists the instances that an application declares.
func instanceIDs(app policy.Application) []token.Instance {
	ids := make([]token.Instance, 0, app.Instances)
	for n := 1; n <= app.Instances; n++ {
		ids = append(ids, instanceID(app, n))
	}
	return ids
}

func instanceID(app policy.Application, n int) token.Instance {
	return token.Instance{Tenant: token.TenantHost(app.Tenant), Application: app.ID, Number: n}
}

// DeviceNames are the names of a device that the service's administrator sees.
type DeviceNames = redeem.DeviceNames

// readNames reads the present names of the device.
func (a *Agent) readNames() DeviceNames {
	h := a.d.DeviceNames()
	a.currentNames.Store(&h)
	return h
}

// redeemRequest has the names for the redemption of id, which the service shows to its
// administrator: those of the first redemption, not the device's present ones.
func (a *Agent) redeemRequest(id token.Instance) tms.Request {
	names := a.readNames()
	if told, ok := a.sentNames.Names(); ok {
		names = told
	}
	return tms.Request{FQDN: names.FQDN, UserName: names.UserName, MAC: names.MAC, RefID1: id.String(), RefID2: a.device}
}

// saveSentNames seals the names of the first redemption. While that fails, it reads them
// from the ledger and retries.
func (a *Agent) saveSentNames(ctx context.Context) {
	if err := a.sentNames.Update(context.WithoutCancel(ctx)); err != nil {
		a.d.Log.WarnContext(ctx, "cannot seal the names of this device; regentd retries", "err", err)
	}
}

// fqdnStatus shows the FQDN that the service gets beside the present one. It is nil before
// the first redemption.
func (a *Agent) fqdnStatus() *status.FQDN {
	told, ok := a.sentNames.Names()
	if !ok {
		return nil
	}
	return &status.FQDN{Registered: told.FQDN, Current: a.currentNames.Load().FQDN}
}
