package refresh

import (
	"context"
	"errors"
	"time"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/timing"
	"regent/agent/token"
	"regent/agent/tokenstore"
)

// Flight is one refresh of one instance, under way or queued. Callers wait for its result
// with their own context. The refresh goes on without them.
type Flight struct {
	id   token.Instance
	done chan struct{}
	err  error // set before done is closed
}

// Wait waits until the flight has ended, and returns its error, or ctx's error.
func (f *Flight) Wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errStopping ends the flights that never began.
var errStopping = errors.New("refresh: the daemon stops")

// Join returns the flight of id, and starts one if there is none. All callers share it. While
// a pause runs, it starts none and returns the cause of the pause.
func (e *Engine) Join(id token.Instance) (*Flight, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.join(id)
}

// join is Join. The caller holds mu.
func (e *Engine) join(id token.Instance) (*Flight, error) {
	if f, ok := e.flights[id]; ok {
		return f, nil
	}
	p, failing := e.Pauses.Last(id, false)
	if left := e.Pauses.Left(id); left > 0 && failing {
		return nil, fault.Errorf("refresh", p.Code, "%s", p.Text).WithInstance(id.String()).WithRetry(left)
	}
	if left, asked := e.Pauses.TenantLeft(id.Tenant); left > 0 {
		return nil, tenantPauseFault(id.Tenant, asked).WithInstance(id.String()).WithRetry(left)
	}
	if err := e.checkLimits(id); err != nil {
		return nil, err
	}
	e.Pauses.EndDelay(id) // the random delay at start is not for callers
	return e.add(id), nil
}

// tenantPauseFault says why Regent sends no requests to a tenant now.
func tenantPauseFault(tenant string, asked bool) *fault.Fault {
	if asked {
		return fault.Errorf("refresh", fault.Throttled, "%s asked for a pause", tenant)
	}
	return fault.Errorf("refresh", fault.Unavailable, "%s did not answer several requests in a row, so Regent pauses and then retries. Check the network and the proxy", tenant)
}

// Force is Join for a token that is not due. It starts at most one flight a minute for each
// instance. Further calls are throttled, unless a flight is under way.
func (e *Engine) Force(id token.Instance) (*Flight, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f, flying := e.flights[id]; flying {
		return f, nil
	}
	var left time.Duration
	now := e.Clock.Boot()
	if last, ok := e.forced[id]; ok {
		left = forceEvery - (now - last)
	}
	if r, ok := e.Tokens.Get(id); ok {
		left = max(left, e.untilFloor(r))
	}
	if left > 0 {
		return nil, fault.Errorf("refresh", fault.Throttled, "%s was refreshed a moment ago. Request the token again, and use the new one", id).WithInstance(id.String()).WithRetry(left)
	}
	e.forced[id] = now
	return e.join(id)
}

// flightsAtOnce bounds the flights to one tenant that start by themselves, so that a device
// with many due instances does not send them all at once.
const flightsAtOnce = 4

// flightCount counts the flights to one tenant.
type flightCount struct {
	flying int // queued or under way
	queued int // waiting for the rate limit
}

// count changes the counts of a tenant. The caller holds mu.
func (e *Engine) count(tenant string, flying, queued int) {
	c := e.counts[tenant]
	c.flying += flying
	c.queued += queued
	if e.counts[tenant] = c; c == (flightCount{}) {
		delete(e.counts, tenant)
	}
}

// add makes a flight and wakes Run. The caller holds mu.
func (e *Engine) add(id token.Instance) *Flight {
	f := &Flight{id: id, done: make(chan struct{})}
	if e.closed {
		f.err = fault.New("refresh", fault.Unavailable, errStopping).WithInstance(id.String())
		close(f.done)
		return f
	}
	e.flights[id] = f
	e.queued = append(e.queued, f)
	e.count(id.Tenant, 1, 1)
	e.wake.Kick()
	return f
}

// takeReady returns the flights that may begin now, and the time until the next one may
// begin. The other flights stay queued.
func (e *Engine) takeReady() (begin []*Flight, next time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	next = timing.IdleInterval
	var line []*Flight
	for _, f := range e.queued {
		if left := e.limiter.allow(f.id.Tenant, e.Limits().RefreshRate, e.Clock.Boot()); left > 0 {
			next = min(next, left)
			line = append(line, f)
			continue
		}
		begin = append(begin, f)
		e.count(f.id.Tenant, 0, -1)
	}
	e.queued = line
	return begin, next
}

// close ends the flights that have not begun. No flight begins after it.
func (e *Engine) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for _, f := range e.queued {
		delete(e.flights, f.id)
		e.count(f.id.Tenant, -1, -1)
		f.err = fault.New("refresh", fault.Unavailable, errStopping).WithInstance(f.id.String())
		close(f.done)
	}
	e.queued = nil
}

// runFlight runs one flight to its end.
func (e *Engine) runFlight(ctx context.Context, f *Flight) {
	err := e.renew(ctx, f.id)
	if errors.Is(err, errOnlySaved) {
		err = nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.flights, f.id)
	e.count(f.id.Tenant, -1, 0)
	f.err = err
	close(f.done)
	e.check(f.id) // the next due time has changed
}

// untilFloor returns the time until limits.refresh_floor allows a refresh of r. It does not
// limit an attempt without an answer: the pauses do that.
func (e *Engine) untilFloor(r tokenstore.Record) time.Duration {
	age, known := r.AccessLife.Age(e.Clock)
	if !known || r.Attempt.AnswerMissing() {
		return 0
	}
	return max(0, e.Limits().RefreshFloor-age)
}

// maxQueueWait is the longest wait for the rate limit. A caller that would wait longer gets
// an error with a retry time.
const maxQueueWait = 10 * time.Second

// checkLimits returns an error with a retry time if the limits forbid a flight of id now. The
// caller holds mu.
func (e *Engine) checkLimits(id token.Instance) error {
	limits := e.Limits()
	r, ok := e.Tokens.Get(id)
	if left := e.untilFloor(r); ok && left > 0 {
		return fault.Errorf("refresh", fault.Throttled, "%s was refreshed a moment ago. limits.refresh_floor allows one refresh in %s", id, limits.RefreshFloor).WithInstance(id.String()).WithRetry(left)
	}
	line := e.counts[id.Tenant].queued
	if most := limits.RefreshRate * int(maxQueueWait/time.Second); limits.RefreshRate > 0 && line >= most {
		return fault.Errorf("refresh", fault.Throttled, "%d refreshes at %s wait already. limits.refresh_rate allows %d a second", line, id.Tenant, limits.RefreshRate).WithInstance(id.String()).WithRetry(maxQueueWait)
	}
	return nil
}

// countExtraRequest counts a second request of one flight in the rate limit.
func (e *Engine) countExtraRequest(tenant string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.limiter.started[tenant] = append(e.limiter.started[tenant], e.Clock.Boot())
}

// rateDisplayTime is how long status shows that the rate limit delayed a refresh.
const rateDisplayTime = time.Minute

// Limited returns the limits that act on the auth tokens of a tenant now; nil if none does.
func (e *Engine) Limited(tenant string, held []tokenstore.Record) *status.Limited {
	var l status.Limited
	limits := e.Limits()
	for _, r := range held {
		if !r.State.Refreshable() || DueAge(r) >= limits.RefreshFloor {
			continue
		}
		if life := int64(shorterLife(r).Seconds()); l.FloorSeconds == 0 || life < l.LifeSeconds {
			l.FloorSeconds, l.LifeSeconds = int64(limits.RefreshFloor.Seconds()), life
			l.RefreshToken = shorterLife(r) < r.AccessLife.TTL
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if last, ok := e.limiter.delayedAt[tenant]; ok && e.Clock.Boot()-last < rateDisplayTime {
		l.Rate = limits.RefreshRate
	}
	if l == (status.Limited{}) {
		return nil
	}
	return &l
}

// rateLimiter counts the refreshes that began, by tenant. It is not safe for concurrent
// use.
type rateLimiter struct {
	started   map[string][]time.Duration // boot times of the last second, the oldest first
	delayedAt map[string]time.Duration   // boot time of the last delayed refresh
}

// allow counts one more refresh and returns 0, or returns the time that it must wait.
func (p *rateLimiter) allow(tenant string, rate int, now time.Duration) time.Duration {
	begun := p.started[tenant]
	for len(begun) > 0 && now-begun[0] >= time.Second {
		begun = begun[1:]
	}
	if rate > 0 && len(begun) >= rate {
		p.started[tenant], p.delayedAt[tenant] = begun, now
		return begun[len(begun)-rate] + time.Second - now
	}
	p.started[tenant] = append(begun, now)
	return 0
}
