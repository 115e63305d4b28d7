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

// forceEvery bounds the refreshes that callers can cause beyond what is due:
// one for an instance and minute.
const forceEvery = time.Minute

// Service is the part of the token service that a refresh uses.
type Service interface {
	Refresh(ctx context.Context, r tms.RefreshRequest) (tms.AuthToken, error)
}

// Options is what the engine is given. All fields but Wakeups and Registration are
// required.
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
	Pauses       *timing.Pauses                    // of this engine
	Wakeups      <-chan struct{}                   // receives after resume from sleep, until it is closed; nil where nobody tells of that
	// WakeupsComplete says that Wakeups tells of every resume and of a clock that is set.
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
	timing.Signal // Kick has Run look again at once

	mu              sync.Mutex
	closed          bool
	flights         map[instance.ID]*Flight
	queued          []*Flight
	forced          map[instance.ID]time.Duration // boot time of the last refresh that a caller forced
	unsaved         map[instance.ID]refreshAnswer // answered, and not yet durable
	unsavedVerdicts map[instance.ID]Verdict       // given up, and not yet durable
	refused         map[instance.ID][]Refusal     // modes that refused, where another one is not decided yet
	limiter         rateLimiter
}

// NewEngine returns an engine that is not yet running.
func NewEngine(o Options) *Engine {
	e := &Engine{
		Options: o, Signal: timing.NewSignal(),
		flights: map[instance.ID]*Flight{}, forced: map[instance.ID]time.Duration{},
		unsaved: map[instance.ID]refreshAnswer{}, unsavedVerdicts: map[instance.ID]Verdict{},
		refused: map[instance.ID][]Refusal{}, limiter: newRateLimiter(),
	}
	e.splayStart()
	return e
}

// splayStart spreads what is due already: a fleet that is switched on at one
// moment must not arrive as one.
func (e *Engine) splayStart() {
	for _, r := range e.Tokens.List() {
		if r.State.Refreshable() && e.untilDue(r) <= 0 {
			e.Pauses.Delay(r.ID, time.Duration(e.Random()*float64(startSplay(r, e.Clock))))
		}
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
		case <-e.Signal:
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
		return timing.PollInterval
	}
	return timing.IdleInterval
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
func (e *Engine) Paused(id instance.ID) time.Duration { return e.Pauses.Left(id) }

// LastFault returns what went wrong last with id since it last worked.
func (e *Engine) LastFault(id instance.ID) (f *fault.Fault, at time.Time) {
	p, failing := e.Pauses.Last(id, false)
	if !failing {
		return nil, time.Time{}
	}
	return &fault.Fault{Op: "refresh", Kind: p.Code, Instance: id.String(), Detail: p.Text, Retry: e.Paused(id)}, p.At
}

// Retry ends the pauses after failures in which nothing reached the service: the
// cause may have been mended on this device. So may refresh.mode, where it is
// uncertain how to refresh. What a service asked for stays.
func (e *Engine) Retry() {
	e.Pauses.Retry()
	e.Kick()
}
