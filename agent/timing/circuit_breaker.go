package timing

import (
	"sync"
	"time"
)

// breakerThreshold is after how many failures in a row, of whatever instances, a tenant is
// left alone as a whole.
const breakerThreshold = 5

// probeTimeout bounds how long a probe can keep the others waiting if nobody says
// how it went.
const probeTimeout = 2 * time.Minute

// CircuitBreaker is what all who ask one tenant's service share: a pause that the service
// asked for, and a circuit breaker. While the breaker is open one request at a
// time tries, at the pauses of [Backoff]; the first that works closes it. It is
// safe for concurrent use.
type CircuitBreaker struct {
	clock Clock
	draw  func() float64

	mu      sync.Mutex
	tenants map[string]*breakerState
}

type breakerState struct {
	failures  int           // in a row; at most one for each round of requests
	roundEnd  time.Duration // boot time up to which a further failure is of the same round
	until     time.Duration // boot time before which it is left alone
	requested bool          // it asked for that itself
}

// NewCircuitBreaker returns a gate that is open to every tenant. draw is in [0,1).
func NewCircuitBreaker(c Clock, draw func() float64) *CircuitBreaker {
	return &CircuitBreaker{clock: c, draw: draw, tenants: map[string]*breakerState{}}
}

// Remaining returns how long the tenant is left alone, and whether it asked for that.
func (g *CircuitBreaker) Remaining(host string) (left time.Duration, asked bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tenant(host)
	left = max(0, t.until-g.clock.Boot())
	return left, left > 0 && t.requested
}

// Allow reports whether a request may begin. With the breaker open it is the
// probe, and the others wait for how it goes. Who enters says how it went:
// Works, Asked or Failed.
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

// Success says that the service answered: the breaker closes. A pause that it
// asked for runs on.
func (g *CircuitBreaker) Success(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tenant(host)
	if t.failures, t.roundEnd = 0, 0; !t.requested {
		t.until = 0
	}
}

// RetryAfter says that the service wants to be left alone for d. Up to half as much
// is added, drawn, so that a fleet that was told one time does not come as one.
func (g *CircuitBreaker) RetryAfter(host string, d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tenant(host)
	until := g.clock.Boot() + d + time.Duration(g.draw()*float64(d)/2)
	t.until, t.requested = max(t.until, until), true
}

// Failure says that a request got no answer of the service.
func (g *CircuitBreaker) Failure(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tenant(host)
	now := g.clock.Boot()
	if now >= t.roundEnd || t.failures >= breakerThreshold {
		t.failures++
		t.roundEnd = now + BackoffBase
	}
	if t.failures >= breakerThreshold && (!t.requested || t.until <= now) { // what it asked for stands
		t.until, t.requested = now+Backoff(t.failures, g.draw()), false
	}
}

// Retry ends every pause that no service asked for: the way to it may have been
// changed on this device. While the breaker is open one request tries.
func (g *CircuitBreaker) Retry() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.tenants {
		if !t.requested {
			t.until = 0
		}
	}
}

// tenant returns what is known of a tenant. The caller holds mu.
func (g *CircuitBreaker) tenant(host string) *breakerState {
	t, ok := g.tenants[host]
	if !ok {
		t = &breakerState{}
		g.tenants[host] = t
	}
	return t
}
