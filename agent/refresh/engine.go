// Package refresh keeps auth tokens valid: it decides when to refresh each one, and
// does it.
//
// It sends one request at a time for each instance and reads the answer by evidence.
// It knows no local caller, no lease and no redemption.
package refresh

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"regent/agent/timing"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/tms"
	"regent/agent/token"
	"regent/agent/tokenstore"
)

// One sleep is bounded: timers stand still while the machine sleeps, so no single
// timer may be trusted with a deadline. Where the system tells of each resume that
// bound is only for what nobody thought of, and an idle device is left in peace.
const (
	pollInterval = 30 * time.Second
	idleInterval = 5 * time.Minute
)

// forceEvery bounds the refreshes that callers can cause beyond what is due:
// one for an instance and minute.
const forceEvery = time.Minute

// Service is the part of the token service that a refresh uses.
type Service interface {
	Refresh(ctx context.Context, r tms.RefreshRequest) (tms.AuthToken, error)
}

// Options is what the engine is given. All fields but Hold, Woke and
// Registration are required.
type Options struct {
	Tokens       *tokenstore.Store
	Service      func(base string) (Service, error)
	Window       Window
	Limits       func() Limits // in force now
	Mode         func() string // refresh.mode, in force now: ModeAuto or a mode of package tms
	Capabilities *tokenstore.TenantCapabilities
	Clock        timing.Clock
	Random       func() float64                    // in [0,1)
	Skew         func(tenant string) time.Duration // service minus device, as last seen
	// TenantPause says how long a tenant is left alone for reasons beyond this engine,
	// and whether it asked for that; nil for never.
	TenantPause func(tenant string) (left time.Duration, asked bool)
	// LocalFailures says what fails on this device now; nil for one of the engine's own.
	LocalFailures *timing.LocalFailures
	Wakeups       <-chan struct{} // receives after resume from sleep, until it is closed; nil where nobody tells of that
	// WakeupsComplete says that Woke tells of every resume and of a clock that is set.
	WakeupsComplete bool
	// Changed is told of each change of an instance's state, after it is durable.
	Changed func(ctx context.Context, id instance.ID, from, to instance.State, cause fault.Kind)
	// Registration returns the registration token that paid for an auth token, if
	// it is kept; only a mode that shows it again needs it. nil has none.
	Registration func(tokenstore.Record) token.Secret
	Log          *slog.Logger
}

// Engine refreshes. Its methods are safe for concurrent use; Run is called once.
type Engine struct {
	Options
	kick chan struct{}

	mu              sync.Mutex
	closed          bool
	flights         map[instance.ID]*Flight
	queued          []*Flight
	pauses          map[instance.ID]pause
	tenantPauses    map[string]time.Duration      // boot time before which a tenant is left alone
	forced          map[instance.ID]time.Duration // boot time of the last refresh that a caller forced
	unsaved         map[instance.ID]refreshAnswer // answered, and not yet durable
	unsavedVerdicts map[instance.ID]Verdict       // given up, and not yet durable
	refused         map[instance.ID][]Refusal     // modes that refused, where another one is not decided yet
	limiter         rateLimiter
}

type pause struct {
	failures int
	until    time.Duration // boot time
	code     fault.Kind
	text     string
	at       time.Time
	cause    timing.LocalCause // what failed on this device; "" if nothing did
	unsent   bool              // nothing reached the service, which asked for no pause
}

// NewEngine returns an engine that is not yet running.
func NewEngine(o Options) *Engine {
	if o.LocalFailures == nil {
		o.LocalFailures = timing.NewLocalFailures(o.Clock)
	}
	e := &Engine{
		Options: o, kick: make(chan struct{}, 1),
		flights: map[instance.ID]*Flight{}, pauses: map[instance.ID]pause{},
		tenantPauses: map[string]time.Duration{}, forced: map[instance.ID]time.Duration{},
		unsaved: map[instance.ID]refreshAnswer{}, unsavedVerdicts: map[instance.ID]Verdict{},
		refused: map[instance.ID][]Refusal{}, limiter: newRateLimiter(),
	}
	e.splayStart()
	return e
}

// splayStart spreads what is due already: a fleet that is switched on at one
// moment must not arrive as one.
func (e *Engine) splayStart() {
	now := e.Clock.Boot()
	for _, r := range e.Tokens.List() {
		if r.State.Refreshable() && e.untilDue(r) <= 0 {
			most := startSplay(r, e.Clock)
			e.pauses[r.ID] = pause{until: now + time.Duration(e.Random()*float64(most))}
		}
	}
}

// Kick makes Run look again at once.
func (e *Engine) Kick() {
	select {
	case e.kick <- struct{}{}:
	default: // a look is already due
	}
}

// Run refreshes until ctx is done, then waits for the flights under way. It
// owns the goroutine of each flight.
func (e *Engine) Run(ctx context.Context) error {
	var flying sync.WaitGroup
	defer func() {
		flying.Wait()
		e.flush(context.WithoutCancel(ctx))
	}()
	for ctx.Err() == nil {
		nap := e.step()
		begin, next := e.takeReady()
		for _, f := range begin {
			// A refresh that has begun is finished and recorded even if the daemon
			// is told to stop meanwhile; the client's own timeout bounds it.
			flying.Go(func() { e.runFlight(context.WithoutCancel(ctx), f) })
		}
		select {
		case <-ctx.Done():
		case <-e.kick:
		case _, on := <-e.Wakeups:
			if !on {
				e.Wakeups = nil
			}
		case <-time.After(min(nap, next)):
		}
	}
	e.close()
	return nil
}

// flush writes, before the process ends, what is only in memory.
func (e *Engine) flush(ctx context.Context) {
	e.mu.Lock()
	ids := slices.Concat(slices.Collect(maps.Keys(e.unsaved)), slices.Collect(maps.Keys(e.unsavedVerdicts)))
	e.mu.Unlock()
	for _, id := range ids {
		if err := e.savePending(ctx, id); err != nil && !errors.Is(err, errOnlySaved) {
			e.Log.WarnContext(ctx, "at the end", "instance", id.String(), "err", err)
		}
	}
}

func (e *Engine) maxSleep() time.Duration {
	if e.Wakeups == nil || !e.WakeupsComplete {
		return pollInterval
	}
	return idleInterval
}

// step queues what is due and returns how long until anything else can be.
func (e *Engine) step() time.Duration {
	nap := e.maxSleep()
	for _, r := range e.Tokens.List() {
		if !r.State.Refreshable() {
			continue
		}
		wait := max(e.untilDue(r), e.Paused(r.ID))
		if wait > 0 {
			nap = min(nap, wait)
		} else if e.hasSlot(r.ID.Tenant) {
			e.queue(r.ID)
		}
	}
	return nap
}

// untilDue returns how long until r is due; 0 or less is now. One whose answer is
// missing is, whatever its age: the service may take the same refresh token again
// for some seconds only. Any other one is at least the floor old.
func (e *Engine) untilDue(r tokenstore.Record) time.Duration {
	if r.Attempt.AnswerMissing() {
		return 0
	}
	return max(e.Window.Due(r)-r.AccessLife.DueAge(e.Clock), e.untilFloor(r))
}

// NextDue returns how long until r is refreshed by itself; 0 means now.
func (e *Engine) NextDue(r tokenstore.Record) time.Duration {
	return max(0, e.untilDue(r), e.Paused(r.ID))
}

// Paused returns how long id is left alone: after a failure of its own, or
// because its tenant asked for a pause.
func (e *Engine) Paused(id instance.ID) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.paused(id)
}

func (e *Engine) paused(id instance.ID) time.Duration {
	p := e.pauses[id]
	return max(0, max(p.until, e.tenantPauses[id.Tenant])-e.Clock.Boot(), e.tenantPause(id.Tenant), e.LocalFailures.Remaining(timing.CauseStore), e.LocalFailures.Remaining(p.cause))
}

func (e *Engine) tenantPause(tenant string) time.Duration {
	if e.TenantPause == nil {
		return 0
	}
	left, _ := e.TenantPause(tenant)
	return left
}

// LastFault returns what went wrong last with id since it last worked.
func (e *Engine) LastFault(id instance.ID) (f *fault.Fault, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, ok := e.pauses[id]
	if !ok || p.code == "" || e.LocalFailures.Recovered(p.cause) {
		return nil, time.Time{}
	}
	return &fault.Fault{Op: "refresh", Kind: p.code, Instance: id.String(), Detail: p.text, Retry: e.paused(id)}, p.at
}

// Retry ends the pauses after failures in which nothing reached the service: the
// cause may have been mended on this device. So may refresh.mode, where it is
// uncertain how to refresh. What a service asked for stays.
func (e *Engine) Retry() {
	e.mu.Lock()
	maps.DeleteFunc(e.pauses, func(_ instance.ID, p pause) bool { return p.unsent || p.code == fault.RefreshUncertain })
	e.mu.Unlock()
	e.Kick()
}

// pauseAfter records a failure: for how long id, and with a wish of the service its
// whole tenant, is left alone. A failure of this device has the device's pause, and
// adds nothing to the pauses after failures of the service.
func (e *Engine) pauseAfter(id instance.ID, v Verdict, why error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.pauses[id]
	p.code, p.text, p.at = v.Code, v.Text, e.Clock.Wall()
	p.cause, p.unsent = v.Cause, v.After == 0 && (v.NotEvaluated || v.NotRecorded)
	if v.Cause != "" {
		e.LocalFailures.Record(v.Cause, why)
		p.until = 0
		e.pauses[id] = p
		return
	}
	p.failures++
	now := e.Clock.Boot()
	p.until = now + timing.Backoff(p.failures, e.Random())
	if left := e.tenantPause(id.Tenant); left > 0 {
		p.until = now + left // the device's own pause for this tenant: drawn once, not twice
	}
	if v.After > 0 {
		e.tenantPauses[id.Tenant] = max(e.tenantPauses[id.Tenant], now+v.After)
	}
	e.pauses[id] = p
}

func (e *Engine) clearPause(id instance.ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.pauses, id)
}
