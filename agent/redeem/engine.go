// Package redeem redeems registration tokens: one count for each auth token, recorded
// in the ledger.
//
// No redemption is lost or repeated without a record. The package has no part in local
// callers, leases and refreshes. A [Plan] lists the wanted instances. Auth tokens go to
// agent/tokenstore.
package redeem

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"regent/agent/timing"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// Service is the part of the token service that a redemption uses.
type Service interface {
	Discover(ctx context.Context) (tms.Provider, error)
	Redeem(ctx context.Context, registration token.Secret, r tms.Request) (tms.AuthToken, error)
}

// Options are the dependencies of the engine. All fields are required.
type Options struct {
	tokenstore.Loop
	Probe         func(context.Context) error // proves the store writable
	Ledger        *Ledger
	Registrations *Registrations
	Service       func(base string) (Service, error)
	Plan          func() Plan // the present plan
	// Request returns the names of an instance for the service, without the identifier.
	Request func(token.Instance) tms.Request
	NewID   func() string // a fresh name for each POST
}

// Engine redeems the wanted instances, one at a time. Its methods are safe for concurrent
// use. Call Run once.
type Engine struct {
	Options
	decisionMu sync.Mutex // serializes the decisions of people

	mu                sync.Mutex
	accounts          map[token.Instance]Account
	lastApplied       uint64                          // the last line of the ledger in accounts
	doubtful          map[token.Instance]bool         // their accounts have an uncertain or open redemption
	counts            status.Counts                   // of all accounts
	oldestUncertain   map[string]Entry                // by tenant, from accounts
	splays            map[string]time.Duration        // by fingerprint: the boot time of its first use
	demanded          map[token.Instance]bool         // on demand, and a caller asked for it
	unsaved           map[token.Instance]unsavedToken // received, but not stored yet
	unread            map[string]*tms.Failure         // by redemption: answers that are not stored yet
	unwrittenOutcomes []Entry                         // outcomes that are not in the ledger yet
	redeeming         token.Instance                  // under way
	index             targetIndex
	touched           []token.Instance                 // to check before all others
	paused            map[string]bool                  // tenants with a pause at the last look
	wake              timing.Signal                    // says that touched has an instance
	lookAt            time.Duration                    // boot time of the next look at all targets; only Run uses it
	settling          map[token.Instance]chan struct{} // for waiters; closed when the instance settles
}

// NewEngine reconciles the ledger with the store. If the auth token of an open intent is
// stored, the intent is confirmed. Any other open intent is uncertain, since the process
// ended in between. If a write fails, Run retries it, so a full disk stops no caller.
func NewEngine(ctx context.Context, o Options) *Engine {
	e := &Engine{
		Options: o, accounts: map[token.Instance]Account{}, settling: map[token.Instance]chan struct{}{}, splays: map[string]time.Duration{},
		demanded: map[token.Instance]bool{}, doubtful: map[token.Instance]bool{}, paused: map[string]bool{}, wake: timing.NewSignal(), unsaved: map[token.Instance]unsavedToken{}, unread: map[string]*tms.Failure{},
	}
	e.updateAccounts()
	e.reconcile(ctx)
	e.learnFromLedger(ctx)
	e.finishForget(ctx)
	e.dropAnswers(ctx)
	e.resumePauses()
	return e
}

// resumePauses restores the pauses after failed redemptions, since a restart does not end
// them. A pause that the service asked for applies to each instance of its tenant. A newer
// registration token has no pause.
func (e *Engine) resumePauses() {
	runs := failureRuns(e.Ledger.Entries())
	for _, w := range e.Plan().Targets {
		held, _ := e.Registrations.ForScope(w.Scope())
		resume := func(run failureRun, failures int) {
			if run.registration == held.Fingerprint {
				e.Pauses.Resume(w.ID, timing.Failure{Code: run.last.Code, Text: run.last.Words, After: run.asked()}, failures, run.last.At)
			}
		}
		for id, run := range runs {
			if id.Tenant == w.ID.Tenant && id != w.ID && run.asked() > 0 {
				resume(run, 0)
			}
		}
		if run, failed := runs[w.ID]; failed {
			resume(run, run.failures)
		}
	}
}

func (e *Engine) reconcile(ctx context.Context) {
	var open []Entry
	for _, a := range e.accounts {
		open = append(open, a.Open...)
	}
	slices.SortFunc(open, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, intent := range open {
		out := newOutcome(intent, Uncertain)
		out.Code = fault.RedemptionUncertain
		out.Words = "regentd stopped before it recorded the answer, so the redemption may have used a count" + resolveHint(intent.ID)
		id, _ := intent.InstanceID() // valid, since it has an account
		if r, held := e.Tokens.Get(id); held && r.Intent == intent.ID {
			out = newOutcome(intent, Confirmed)
			out.Unconfirmed = intent.Form != "" && !r.RequestEchoed
		}
		_ = e.writeOutcome(ctx, out) // on failure, flush retries
	}
}

// newOutcome begins the entry that closes intent.
func newOutcome(intent Entry, k Kind) Entry {
	return Entry{Kind: k, ID: intent.ID, Tenant: intent.Tenant, Instance: intent.Instance}
}

// Run redeems until ctx is done. It starts no goroutine. It finishes and records a
// redemption under way before it returns.
func (e *Engine) Run(ctx context.Context) {
	all := true
	for {
		nap := e.step(ctx, all)
		select {
		case <-ctx.Done():
			e.flush(context.WithoutCancel(ctx)) // the last try to store the data in memory
			return
		case <-e.Signal:
			all = true
		case <-e.wake:
			all = false
		case <-time.After(nap):
			all = true
		}
	}
}

// readiness reports whether w is due now, or how long to wait before the next check. Once
// for each registration token and process, it draws a random delay, so that a fleet does
// not redeem at the same moment. The caller holds mu.
func (e *Engine) readiness(plan Plan, w Target) (wait time.Duration, do bool) {
	now := e.Clock.Boot()
	if _, unsaved := e.unsaved[w.ID]; unsaved || !e.decisionInput(plan, w).due() {
		return timing.PollInterval, false
	}
	held, ok := e.Registrations.ForScope(w.Scope())
	if !ok || e.recentlyRefused(held) {
		return timing.PollInterval, false
	}
	if _, drawn := e.splays[held.Fingerprint]; !drawn {
		e.splays[held.Fingerprint] = now + time.Duration(e.Random()*float64(plan.Splay))
	}
	wait = max(e.splays[held.Fingerprint]-now, e.Pauses.Left(w.ID))
	if wait == 0 {
		return 0, true
	}
	if left, _ := e.Pauses.TenantLeft(w.ID.Tenant); left > 0 {
		e.paused[w.ID.Tenant] = true
	}
	return wait, false
}

// stillDue reports whether w is still declared and due, and held is still its registration
// token.
func (e *Engine) stillDue(w Target, held RegistrationToken) bool {
	plan := e.Plan()
	paying, ok := e.Registrations.ForScope(w.Scope())
	if !ok || paying.Scope != held.Scope || paying.Fingerprint != held.Fingerprint {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now, declared := e.index.find(plan.Targets, w.ID)
	return declared && now == w && e.decisionInput(plan, w).due()
}

// recentlyRefused reports whether the service refused held less than refusedPause ago. It
// ignores a refusal with a time in the future, since the clock was wrong then.
func (e *Engine) recentlyRefused(held RegistrationToken) bool {
	since := e.Clock.Wall().Sub(held.RefusedAt)
	return held.Refused != "" && since >= 0 && since < refusedPause
}

// refusedPause is the pause after a refusal of a registration token. The next try may
// work, since its count can be raised. Registering the token again ends the pause.
const refusedPause = 6 * time.Hour

// decisionInput collects the facts that decide about w. The caller holds mu.
func (e *Engine) decisionInput(plan Plan, w Target) decisionInput {
	r, held := e.Tokens.Get(w.ID)
	a := e.accounts[w.ID]
	learned := e.Capabilities.RequestForm(w.ID.Tenant)
	_, waits := plan.nextForm(learned)
	if learned.NeitherForm() && a.Requested {
		waits = false
	}
	_, doubted := e.blocker(plan, w.ID)
	return decisionInput{
		formUnproven:      waits || doubted,
		state:             stateOf(held, r.State, a),
		account:           a,
		wanted:            !w.OnDemand || e.demanded[w.ID],
		redeemOnExpiry:    plan.RedeemOnExpiry,
		sincePolicyRedeem: e.ServiceTime(w.ID.Tenant).Sub(r.PolicyRedeemedAt),
		retryLimit:        plan.UncertainRetries,
	}
}

// deleteUnneeded deletes each registration token that no instance needs. It reports whether
// all deletions worked.
func (e *Engine) deleteUnneeded(ctx context.Context, plan Plan) (all bool) {
	all = true
	if plan.KeepRegistrationToken {
		return all
	}
	held := e.Registrations.List()
	if len(held) == 0 {
		return all
	}
	needed := e.neededScopes(plan)
	for _, h := range held {
		if h.Refused != fault.RegistrationExpired && needed(h.Scope) {
			continue
		}
		if err := e.Registrations.Delete(ctx, h); err != nil {
			e.Log.WarnContext(ctx, "a registration token that no instance needs cannot be deleted; regentd retries", "err", err)
			all = false
			continue
		}
		e.Log.InfoContext(ctx, "registration token deleted: no instance needs it", "tenant", h.Tenant)
	}
	return all
}

// neededScopes returns whether an instance may still need the registration token of a
// scope. It may also if the scope has no declared instance, since the next configuration
// may declare one. It looks at each target once.
func (e *Engine) neededScopes(plan Plan) func(Scope) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	needed := map[Scope]bool{} // of the scopes with a declared instance
	for _, w := range plan.Targets {
		if paying, ok := e.Registrations.ForScope(w.Scope()); ok && !needed[paying.Scope] {
			needed[paying.Scope] = e.mayNeedToken(plan, w)
		}
	}
	return func(s Scope) bool {
		may, declared := needed[s]
		return may || !declared
	}
}

// mayNeedToken reports whether w may still need a registration token. The caller holds mu.
func (e *Engine) mayNeedToken(plan Plan, w Target) bool {
	_, unsaved := e.unsaved[w.ID]
	return unsaved || e.decisionInput(plan, w).mayNeedToken()
}
