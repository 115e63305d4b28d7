// Package refresh keeps auth tokens valid: it decides when to refresh each one, and
// refreshes it.
//
// It sends one request at a time for each instance and classifies the answer by evidence.
// It has no part in local callers, leases and redemptions.
package refresh

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/timing"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// forceEvery is the shortest time between two refreshes of an instance that callers force.
const forceEvery = time.Minute

// Service is the part of the token service that a refresh uses.
type Service interface {
	Refresh(ctx context.Context, r tms.RefreshRequest) (tms.AuthToken, error)
}

// Options are the dependencies of the engine. All fields but Wakeups and Registration are
// required.
type Options struct {
	tokenstore.Loop
	Service func(base string) (Service, error)
	Limits  func() policy.Limits // the present limits on how often refreshes begin
	Mode    func() string        // the present refresh.mode: ModeAuto or a mode of package tms
	Wakeups <-chan struct{}      // receives after resume from sleep, until it is closed; may be nil
	// WakeupsComplete says that Wakeups reports every resume and every change of the clock.
	WakeupsComplete bool
	// Registration returns the registration token that was redeemed for an auth token, if
	// it is still stored. Only the mode tms_registration needs it. It may be nil.
	Registration func(tokenstore.Record) token.Secret
}

// Engine refreshes auth tokens. Its methods are safe for concurrent use. Call Run once.
type Engine struct {
	Options

	mu      sync.Mutex
	closed  bool
	flights map[token.Instance]*Flight
	queued  []*Flight
	counts  map[string]flightCount // by tenant
	due     agenda
	wake    timing.Signal                    // a flight was added or has ended
	forced  map[token.Instance]time.Duration // boot time of the last refresh that a caller forced
	pending map[token.Instance]pending
	limiter rateLimiter
}

// NewEngine returns an engine that is not yet running.
func NewEngine(o Options) *Engine {
	e := &Engine{
		Options: o, wake: timing.NewSignal(), counts: map[string]flightCount{},
		flights: map[token.Instance]*Flight{}, forced: map[token.Instance]time.Duration{}, pending: map[token.Instance]pending{},
		limiter: rateLimiter{started: map[string][]time.Duration{}, delayedAt: map[string]time.Duration{}},
	}
	e.splayStart()
	return e
}

// splayStart delays the refreshes that are due at start by random times, so that a fleet
// that starts together does not refresh together.
func (e *Engine) splayStart() {
	for r := range e.Tokens.All() {
		if r.State.Refreshable() && e.untilDue(r) <= 0 {
			e.Pauses.Delay(r.ID, time.Duration(e.Random()*float64(startSplay(r, e.Clock))))
		}
	}
}

// Run refreshes until ctx is done, then waits for the flights under way. Each flight has its
// own goroutine.
func (e *Engine) Run(ctx context.Context) {
	var flying sync.WaitGroup
	defer func() {
		flying.Wait()
		e.flush(context.WithoutCancel(ctx))
	}()
	for all := true; ctx.Err() == nil; {
		nap := e.step(all)
		begin, next := e.takeReady()
		for _, f := range begin {
			// A refresh under way is finished and recorded even if the daemon stops. The
			// client's own timeout bounds it.
			flying.Go(func() { e.runFlight(context.WithoutCancel(ctx), f) })
		}
		select {
		case <-ctx.Done():
		case <-e.wake:
			all = false
		case <-e.Signal:
			all = true
		case _, on := <-e.Wakeups:
			if all = true; !on {
				e.Wakeups = nil
			}
		case <-time.After(min(nap, next)):
			all = false
		}
	}
	e.close()
}

// flush writes the pending answers and verdicts before the process ends.
func (e *Engine) flush(ctx context.Context) {
	e.mu.Lock()
	ids := slices.Collect(maps.Keys(e.pending))
	e.mu.Unlock()
	for _, id := range ids {
		if err := e.savePending(ctx, id); err != nil && !errors.Is(err, errOnlySaved) {
			e.Log.WarnContext(ctx, "the result of a refresh cannot be stored before regentd stops", "instance", id.String(), "err", err)
		}
	}
}

func (e *Engine) maxSleep() time.Duration {
	if e.Wakeups == nil || !e.WakeupsComplete {
		return timing.PollInterval
	}
	return timing.IdleInterval
}

// untilDue returns the time until r is due; 0 or less means now. With a missing answer, r is
// due at once: the service may accept the same refresh token for a few more seconds only.
// Otherwise r is not due before limits.refresh_floor.
func (e *Engine) untilDue(r tokenstore.Record) time.Duration {
	if r.Attempt.AnswerMissing() {
		return 0
	}
	return max(DueAge(r)-r.AccessLife.DueAge(e.Clock), e.untilFloor(r))
}

// NextDue returns the time until Regent refreshes r by itself; 0 means now.
func (e *Engine) NextDue(r tokenstore.Record) time.Duration {
	return max(0, e.untilDue(r), e.Pauses.Left(r.ID))
}

// LastFault returns the last failure of id since its last success, with its time. f is nil
// if there is none.
func (e *Engine) LastFault(id token.Instance) (f *fault.Fault, at time.Time) {
	p, failing := e.Pauses.Last(id, false)
	if !failing {
		return nil, time.Time{}
	}
	return &fault.Fault{Op: "refresh", Kind: p.Code, Instance: id.String(), Detail: p.Text, Retry: e.Pauses.Left(id)}, p.At
}

// A refresh begins between these fractions of a token's lifetime.
const (
	windowBegin = 0.60
	windowEnd   = 0.75
)

// DueAge returns the age at which Regent refreshes the auth token, by the shorter lifetime
// of its access and refresh tokens. It is a pure function of the record: two calls give one
// answer, so polling cannot bias the jitter.
func DueAge(r tokenstore.Record) time.Duration {
	return time.Duration(float64(shorterLife(r)) * (windowBegin + (windowEnd-windowBegin)*r.Jitter))
}

// shorterLife is the shorter lifetime of the access and the refresh token.
func shorterLife(r tokenstore.Record) time.Duration {
	if r.RefreshLife.TTL > 0 {
		return min(r.AccessLife.TTL, r.RefreshLife.TTL)
	}
	return r.AccessLife.TTL
}

// startSplayFraction is the part of an access token's lifetime over which refreshes that
// are due at start are spread. A fleet then asks at most two and a half times as often as
// in an ordinary hour.
const startSplayFraction = 0.3

// startSplay returns the longest delay of a refresh that is due at start and that nobody
// waits for. A refresh with a missing answer is not delayed: the service may accept the
// same refresh token for a few more seconds only. At least half of the refresh token's
// remaining lifetime is left after the delay.
func startSplay(r tokenstore.Record, c timing.Clock) time.Duration {
	if r.Attempt.AnswerMissing() {
		return 0
	}
	most := time.Duration(startSplayFraction * float64(r.AccessLife.TTL))
	if r.RefreshLife.TTL > 0 {
		left, _ := r.RefreshLife.Remaining(c)
		most = min(most, left/2)
	}
	return most
}

// expiryTolerance is the largest difference between an answer and the announced end of a
// refresh token at which the answer counts as that end. Lifetimes and dates have whole
// seconds, and an answer takes some time.
const expiryTolerance = 3 * time.Second

// atAnnouncedEnd reports whether an answer came at the end of the refresh token that an
// earlier answer had announced. A lifetime of 0 then means expired, not without end.
func atAnnouncedEnd(r tokenstore.Record, a refreshAnswer) bool {
	return r.RefreshLife.TTL > 0 && a.receivedAt.Sub(refreshTokenEnd(r)).Abs() <= expiryTolerance
}

// refreshTokenEnd is the end of the refresh token, by the service's own clock.
func refreshTokenEnd(r tokenstore.Record) time.Time { return r.RefreshIssuedAt.Add(r.RefreshLife.TTL) }

// endTolerance is the largest difference at which the ends in two answers count as the
// same.
const endTolerance = 2 * time.Second

// sessionLimit returns the time after which the service ends a session, if an answer shows
// it. A refresh moves the idle end of a refresh token, but not the end of a session. 0 means
// no end. It is pure.
func sessionLimit(r tokenstore.Record, a refreshAnswer) time.Duration {
	if a.refreshLife.TTL <= 0 {
		if !a.token.Refresh.IsZero() && !atAnnouncedEnd(r, a) {
			return 0 // a refresh token without an end, for example an offline token
		}
		return r.SessionLimit
	}
	next := a.receivedAt.Add(a.refreshLife.TTL)
	known := r.RefreshLife.TTL > 0 && !r.RefreshIssuedAt.IsZero() && !r.RedeemedAt.IsZero()
	switch {
	case known && a.receivedAt.Sub(r.RefreshIssuedAt) > 2*endTolerance && next.Sub(refreshTokenEnd(r)) <= endTolerance:
		return next.Sub(r.RedeemedAt).Round(time.Second)
	case r.SessionLimit > 0 && next.Sub(r.RedeemedAt.Add(r.SessionLimit)) > endTolerance:
		return 0 // the session continues after the known end
	}
	return r.SessionLimit
}

// SessionLimit returns the time after which the service of a tenant ends its sessions, by
// the records of its auth tokens; 0 if no end is known. The newest answer that shows an end,
// or shows that there is none, decides. It is pure.
func SessionLimit(held []tokenstore.Record) time.Duration {
	var newest tokenstore.Record
	for _, r := range held {
		tells := r.SessionLimit > 0 || r.RefreshLife.TTL == 0 && !r.Refresh.IsZero()
		if tells && (newest.ID == (token.Instance{}) || r.RefreshIssuedAt.After(newest.RefreshIssuedAt)) {
			newest = r
		}
	}
	return newest.SessionLimit
}
