package timing

import (
	"sync"
	"time"
)

// breakerThreshold is the number of failures in a row, of any instances, that opens the
// breaker of a tenant.
const breakerThreshold = 5

// probeTimeout bounds the time for which a probe without an outcome stops other requests.
const probeTimeout = 2 * time.Minute

// CircuitBreaker limits all requests to a tenant's service: by the pauses that the service
// asked for, and by a circuit breaker. While the breaker is open, one request at a time
// tries, after the pauses of [Backoff]. The first success closes it. It is safe for
// concurrent use.
type CircuitBreaker struct {
	clock Clock
	draw  func() float64

	mu      sync.Mutex
	tenants map[string]*breakerState
}

type breakerState struct {
	failures  int           // in a row; at most one for each round of requests
	roundEnd  time.Duration // boot time of the end of the round
	until     time.Duration // boot time of the end of the pause
	requested bool          // the service asked for the pause
}

// NewCircuitBreaker returns a breaker that allows requests to every tenant. draw returns a
// random number in [0,1).
func NewCircuitBreaker(c Clock, draw func() float64) *CircuitBreaker {
	return &CircuitBreaker{clock: c, draw: draw, tenants: map[string]*breakerState{}}
}

// Remaining returns the remaining pause of the tenant, and whether the service asked for it.
func (g *CircuitBreaker) Remaining(host string) (left time.Duration, asked bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tenant(host)
	left = max(0, t.until-g.clock.Boot())
	return left, left > 0 && t.requested
}

// Allow reports whether a request may begin. While the breaker is open, this request is the
// probe, and other requests wait for its outcome. The caller must report the outcome with
// Success, RetryAfter or Failure.
func (g *CircuitBreaker) Allow(host string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tenant(host)
	if t.until > g.clock.Boot() {
		return false
	}
	if t.failures >= breakerThreshold {
		t.until, t.requested = g.clock.Boot()+probeTimeout, false
	}
	return true
}

// Success records that the service answered. It closes the breaker. A pause that the service
// asked for continues.
func (g *CircuitBreaker) Success(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tenant(host)
	if t.failures, t.roundEnd = 0, 0; !t.requested {
		t.until = 0
	}
}

// RetryAfter records that the service asked for a pause of d. It adds a random time of up to
// d/2, so that a fleet does not return at the same moment.
func (g *CircuitBreaker) RetryAfter(host string, d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tenant(host)
	until := g.clock.Boot() + d + time.Duration(g.draw()*float64(d)/2)
	t.until, t.requested = max(t.until, until), true
}

// Failure records that a request got no answer of the service.
func (g *CircuitBreaker) Failure(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tenant(host)
	now := g.clock.Boot()
	if now >= t.roundEnd || t.failures >= breakerThreshold {
		t.failures++
		t.roundEnd = now + BackoffBase
	}
	if t.failures >= breakerThreshold && (!t.requested || t.until <= now) { // a pause that the service asked for stays
		t.until, t.requested = now+Backoff(t.failures, g.draw()), false
	}
}

// Retry ends every pause that no service asked for, since somebody may have repaired the
// network of this device. While the breaker is open, one request tries.
func (g *CircuitBreaker) Retry() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.tenants {
		if !t.requested {
			t.until = 0
		}
	}
}

// tenant returns the state of a tenant. The caller holds mu.
func (g *CircuitBreaker) tenant(host string) *breakerState {
	t, ok := g.tenants[host]
	if !ok {
		t = &breakerState{}
		g.tenants[host] = t
	}
	return t
}
