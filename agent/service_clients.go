package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"regent/agent/timing"

	"regent/agent/tms"
	"regent/agent/token"
)

// serviceClients are the clients of the tenants, with the outcome of the last request to
// each. It is safe for concurrent use.
type serviceClients struct {
	clock   timing.Clock
	breaker *timing.CircuitBreaker // for all requests to a tenant
	make    func(base string, observe func(time.Time)) (Service, error)

	mu           sync.Mutex
	clients      map[string]Service     // by base URL
	lastRequests map[string]lastRequest // by host
}

// lastRequest is the outcome of the last request to a tenant.
type lastRequest struct {
	tried     bool
	reachable bool
	text      string // of the last failure
	at        time.Time
	skew      time.Duration // service minus device
}

// service returns the client of a tenant.
func (c *serviceClients) service(base string) (Service, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.clients[base]; ok {
		return s, nil
	}
	host := token.TenantHost(base)
	s, err := c.make(base, func(date time.Time) { c.observeDate(host, date) })
	if err != nil {
		return nil, err
	}
	if c.clients == nil {
		c.clients = map[string]Service{}
	}
	s = trackedService{s, c, host}
	c.clients[base] = s
	return s, nil
}

// reset drops the clients. The next request makes a new one.
func (c *serviceClients) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients = nil
}

func (c *serviceClients) observeDate(host string, date time.Time) {
	c.updateLastRequest(host, func(k *lastRequest) { k.skew = date.Sub(c.clock.Wall()).Round(time.Second) })
}

// skew is how far the tenant's clock is ahead of ours; 0 if unknown.
func (c *serviceClients) skew(host string) time.Duration {
	k, _ := c.last(host)
	return k.skew
}

// last returns the outcome of the last request to a tenant, if there was one.
func (c *serviceClients) last(host string) (lastRequest, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.lastRequests[host]
	return k, ok && k.tried
}

// errPaused is the error of a request that the circuit breaker did not send.
var errPaused = errors.New("earlier requests of this device failed, or the service asked it to wait; Regent retries later")

// recordOutcome records the outcome of a request, for status and for the circuit breaker.
func (c *serviceClients) recordOutcome(host string, err error) {
	f, failed := errors.AsType[*tms.Failure](err)
	switch {
	case failed && f.Refused: // it was not sent
		return
	case failed && f.Status == 429 && !f.HasRetryAfter:
		c.breaker.RetryAfter(host, timing.DefaultRetryAfter)
	case failed && f.RetryAfter > 0 && (f.Status == 429 || f.Status == 503):
		c.breaker.RetryAfter(host, f.RetryAfter)
	case err == nil, failed && f.ServiceShape && f.Status < 500:
		c.breaker.Success(host)
	default:
		c.breaker.Failure(host)
	}
	c.setLastRequest(host, err)
}

// setLastRequest stores the outcome of a request for status. Any complete answer of the
// service means reachable.
func (c *serviceClients) setLastRequest(host string, err error) {
	c.updateLastRequest(host, func(k *lastRequest) {
		k.tried = true
		f, failed := errors.AsType[*tms.Failure](err)
		k.reachable = err == nil || failed && f.Reach == tms.Answered && (f.ServiceShape || f.Status == 429)
		k.text, k.at = "", c.clock.Wall()
		if err != nil {
			k.text = err.Error()
		}
	})
}

func (c *serviceClients) updateLastRequest(host string, f func(*lastRequest)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lastRequests == nil {
		c.lastRequests = map[string]lastRequest{}
	}
	k := c.lastRequests[host]
	f(&k)
	c.lastRequests[host] = k
}

// trackedService is a Service that records the outcome of each request.
type trackedService struct {
	Service
	clients *serviceClients
	host    string
}

// tracked makes a request and records its outcome, unless the circuit breaker is open.
func tracked[T any](n trackedService, op string, request func() (T, error)) (T, error) {
	if !n.clients.breaker.Allow(n.host) {
		return *new(T), &tms.Failure{Op: op, Host: n.host, Reach: tms.NotSent, Err: errPaused}
	}
	answer, err := request()
	n.clients.recordOutcome(n.host, err)
	return answer, err
}

// Discover implements [Service].
func (n trackedService) Discover(ctx context.Context) (tms.Provider, error) {
	return tracked(n, "discover", func() (tms.Provider, error) { return n.Service.Discover(ctx) })
}

// Redeem implements [Service].
func (n trackedService) Redeem(ctx context.Context, registration token.Secret, r tms.Request) (tms.AuthToken, error) {
	return tracked(n, "redeem", func() (tms.AuthToken, error) { return n.Service.Redeem(ctx, registration, r) })
}

// Refresh implements [Service].
func (n trackedService) Refresh(ctx context.Context, r tms.RefreshRequest) (tms.AuthToken, error) {
	return tracked(n, "refresh", func() (tms.AuthToken, error) { return n.Service.Refresh(ctx, r) })
}

// Diagnose implements [Service]. It ignores the circuit breaker, since a person asks.
func (n trackedService) Diagnose(ctx context.Context) tms.Diagnosis {
	seen := n.Service.Diagnose(ctx)
	var err error
	if seen.Failure != nil {
		err = seen.Failure
	}
	n.clients.setLastRequest(n.host, err)
	return seen
}
