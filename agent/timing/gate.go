package timing

import (
	"sync"
	"time"
)

// opens is after how many failures in a row, of whatever instances, a tenant is
// left alone as a whole.
const opens = 5

// probing bounds how long a probe can keep the others waiting if nobody says
// how it went.
const probing = 2 * time.Minute

// Gate is what all who ask one tenant's service share: a pause that the service
// asked for, and a circuit breaker. While the breaker is open one request at a
// time tries, at the pauses of [Pause]; the first that works closes it. It is
// safe for concurrent use.
type Gate struct {
	clock Clock
	draw  func() float64

	mu      sync.Mutex
	tenants map[string]*tenant
}

type tenant struct {
	failures int           // in a row; at most one for each round of requests
	counted  time.Duration // boot time up to which a further failure is of the same round
	until    time.Duration // boot time before which it is left alone
	asked    bool          // it asked for that itself
}

// NewGate returns a gate that is open to every tenant. draw is in [0,1).
func NewGate(c Clock, draw func() float64) *Gate {
	return &Gate{clock: c, draw: draw, tenants: map[string]*tenant{}}
}

// Wait returns how long the tenant is left alone, and whether it asked for that.
func (g *Gate) Wait(host string) (left time.Duration, asked bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, ok := g.tenants[host]
	if !ok {
		return 0, false
	}
	left = max(0, t.until-g.clock.Boot())
	return left, left > 0 && t.asked
}

// Enter reports whether a request may begin. With the breaker open it is the
// probe, and the others wait for how it goes. Who enters says how it went:
// Works, Asked or Failed.
func (g *Gate) Enter(host string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, ok := g.tenants[host]
	if !ok {
		return true
	}
	if t.until > g.clock.Boot() {
		return false
	}
	if t.failures >= opens {
		t.until, t.asked = g.clock.Boot()+probing, false
	}
	return true
}

// Works says that the service answered: the breaker closes. A pause that it
// asked for runs on.
func (g *Gate) Works(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, ok := g.tenants[host]
	if !ok {
		return
	}
	if t.failures, t.counted = 0, 0; !t.asked {
		t.until = 0
	}
}

// Asked says that the service wants to be left alone for d. Up to half as much
// is added, drawn, so that a fleet that was told one time does not come as one.
func (g *Gate) Asked(host string, d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tenant(host)
	until := g.clock.Boot() + d + time.Duration(g.draw()*float64(d)/2)
	t.until, t.asked = max(t.until, until), true
}

// Failed says that a request got no answer of the service.
func (g *Gate) Failed(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.tenant(host)
	now := g.clock.Boot()
	if now >= t.counted || t.failures >= opens {
		t.failures++
		t.counted = now + Base
	}
	if t.failures >= opens && (!t.asked || t.until <= now) { // what it asked for stands
		t.until, t.asked = now+Pause(t.failures, g.draw()), false
	}
}

// Retry ends every pause that no service asked for: the way to it may have been
// changed on this device. While the breaker is open one request tries.
func (g *Gate) Retry() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.tenants {
		if !t.asked {
			t.until = 0
		}
	}
}

// tenant returns what is known of a tenant. The caller holds mu.
func (g *Gate) tenant(host string) *tenant {
	t, ok := g.tenants[host]
	if !ok {
		t = &tenant{}
		g.tenants[host] = t
	}
	return t
}
