package refresh

import (
	"context"
	"errors"
	"time"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/timing"
)

// Flight is one refresh of one instance, under way or about to be. Whoever
// wants its result waits on their own context; the refresh goes on without them.
type Flight struct {
	id   instance.ID
	done chan struct{}
	err  error // set before done is closed
}

// Wait waits until the flight has landed, and returns how; or ctx's error.
func (f *Flight) Wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errStopping lands the flights that never began.
var errStopping = errors.New("refresh: the daemon stops")

// Join returns the flight of id, and starts one if there is none: all who ask
// at one moment share it. While a pause runs it starts none and returns why.
func (e *Engine) Join(id instance.ID) (*Flight, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
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
	e.Pauses.EndDelay(id) // the splay at start delays nobody who waits
	return e.add(id), nil
}

// tenantPauseFault says why a tenant is left alone.
func tenantPauseFault(tenant string, asked bool) *fault.Fault {
	if asked {
		return fault.Errorf("refresh", fault.Throttled, "%s asked for a pause", tenant)
	}
	return fault.Errorf("refresh", fault.Unavailable, "%s has not answered several requests in a row, and is left alone for a while; check the network and the proxy; it is tried again by itself", tenant)
}

// TryForce is Again for who has a valid token and can do without another: it
// returns nil if there is nothing to wait for.
func (e *Engine) TryForce(id instance.ID) *Flight {
	f, err := e.Force(id)
	if err != nil {
		return nil // a pause runs; the valid token is served meanwhile
	}
	return f
}

// Force is Join for a token that is not due, at most once a minute for each
// instance: earlier it is throttled, unless a flight is under way.
func (e *Engine) Force(id instance.ID) (*Flight, error) {
	if f, left := e.mayForce(id); f != nil {
		return f, nil
	} else if left > 0 {
		return nil, fault.Errorf("refresh", fault.Throttled, "%s was refreshed a moment ago; ask for the token again, and use the one that comes", id).WithInstance(id.String()).WithRetry(left)
	}
	return e.Join(id)
}

// mayForce returns the flight of id if there is one, or how long it is to be
// left alone. If neither, the minute begins.
func (e *Engine) mayForce(id instance.ID) (*Flight, time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f, flying := e.flights[id]; flying {
		return f, 0
	}
	now := e.Clock.Boot()
	if r, ok := e.Tokens.Get(id); ok && e.untilFloor(r) > 0 {
		return nil, e.untilFloor(r) // the minute of [forceEvery] does not begin
	}
	if last, ok := e.forced[id]; ok && now-last < forceEvery {
		return nil, forceEvery - (now - last)
	}
	e.forced[id] = now
	return nil, 0
}

// flightsAtOnce bounds the flights to one tenant that nobody waits for: a device
// with many instances that are due at one moment is not a crowd.
const flightsAtOnce = 4

// hasSlot reports whether one more flight to a tenant may start by itself. When it
// is full, the end of a flight makes Run look again.
func (e *Engine) hasSlot(tenant string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for id := range e.flights {
		if id.Tenant == tenant {
			n++
		}
	}
	return n < flightsAtOnce
}

// queue starts a flight that nobody waits for. It asks the vault again: a flight
// that landed since the caller looked has made id's refresh undue.
func (e *Engine) queue(id instance.ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.flights[id]; ok {
		return
	}
	if r, ok := e.Tokens.Get(id); ok && max(e.untilDue(r), e.Paused(id)) <= 0 {
		e.add(id)
	}
}

// add makes a flight and tells Run of it. The caller holds mu.
func (e *Engine) add(id instance.ID) *Flight {
	f := &Flight{id: id, done: make(chan struct{})}
	if e.closed {
		f.err = fault.New("refresh", fault.Unavailable, errStopping).WithInstance(id.String())
		close(f.done)
		return f
	}
	e.flights[id] = f
	e.queued = append(e.queued, f)
	e.Kick()
	return f
}

// takeReady returns the flights that may begin now, and how long until the first of the
// others may. They stay in line.
func (e *Engine) takeReady() (begin []*Flight, next time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	next = timing.IdleInterval
	var line []*Flight
	for _, f := range e.queued {
		if left := e.limiter.allow(f.id.Tenant, e.Limits().Rate, e.Clock.Boot()); left > 0 {
			next = min(next, left)
			line = append(line, f)
			continue
		}
		begin = append(begin, f)
	}
	e.queued = line
	return begin, next
}

// close lands what has not begun and lets nothing more begin.
func (e *Engine) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for _, f := range e.queued {
		delete(e.flights, f.id)
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
	f.err = err
	close(f.done)
	e.Kick() // the next due time has changed
}
