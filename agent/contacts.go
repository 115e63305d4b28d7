package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"regent/agent/timing"

	"regent/agent/policy"
	"regent/agent/tms"
	"regent/agent/token"
)

// contacts are the clients of the tenants, and how the last request to each
// went. It is safe for concurrent use.
type contacts struct {
	clock timing.Clock
	gate  *timing.Gate // shared by all that is asked of a tenant
	make  func(base string, observe func(time.Time)) (Service, error)

	mu      sync.Mutex
	clients map[string]Service // by base URL
	seen    map[string]contact // by host
}

// contact is how the last request to a tenant went.
type contact struct {
	tried     bool
	reachable bool
	text      string // of the last failure
	at        time.Time
	skew      time.Duration // service minus device
}

// service returns the client of a tenant.
func (c *contacts) service(base string) (Service, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.clients[base]; ok {
		return s, nil
	}
	host := policy.Host(base)
	s, err := c.make(base, func(date time.Time) { c.observe(host, date) })
	if err != nil {
		return nil, err
	}
	if c.clients == nil {
		c.clients = map[string]Service{}
	}
	s = noted{s, c, host}
	c.clients[base] = s
	return s, nil
}

// looker is a Service that can also be looked at.
type looker interface {
	Look(ctx context.Context) tms.Look
}

// look looks at a tenant, whatever the gate says: a person asks. How it went is
// remembered for status.
func (c *contacts) look(ctx context.Context, base string) (tms.Look, error) {
	s, err := c.service(base)
	if err != nil {
		return tms.Look{}, err
	}
	n, _ := s.(noted)
	l, ok := n.Service.(looker)
	if !ok {
		return tms.Look{}, errors.New("[unexpected] this service cannot be looked at")
	}
	seen := l.Look(ctx)
	if seen.Failure == nil {
		c.remember(policy.Host(base), nil)
	} else {
		c.remember(policy.Host(base), seen.Failure)
	}
	return seen, nil
}

// forget makes the next request use a client made anew.
func (c *contacts) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients = nil
}

func (c *contacts) observe(host string, date time.Time) {
	c.change(host, func(k *contact) { k.skew = date.Sub(c.clock.Wall()).Round(time.Second) })
}

// skew is how far the tenant's clock is ahead of ours; 0 if unknown.
func (c *contacts) skew(host string) time.Duration {
	k, _ := c.last(host)
	return k.skew
}

// last returns how the last request to a tenant went, if there was one.
func (c *contacts) last(host string) (contact, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.seen[host]
	return k, ok && k.tried
}

// errPaused is why nothing was sent to a tenant that is left alone.
var errPaused = errors.New("earlier requests of this device failed, or it was asked to wait; it is tried again later")

// enter returns an error if the tenant is left alone: then nothing is sent.
func (c *contacts) enter(op, host string) error {
	if c.gate.Enter(host) {
		return nil
	}
	return &tms.Failure{Op: op, Host: host, Reach: tms.NotSent, Err: errPaused}
}

// tooMany is how long a tenant is left alone that said "too many requests" and
// named no time. D: the service itself names this one.
const tooMany = time.Minute

// note records how a request went, and what it says of the tenant as a whole.
func (c *contacts) note(host string, err error) {
	f, failed := errors.AsType[*tms.Failure](err)
	switch {
	case failed && f.Refused: // nobody was asked
		return
	case failed && f.Status == 429 && !f.HasRetryAfter:
		c.gate.Asked(host, tooMany)
	case failed && f.RetryAfter > 0 && (f.Status == 429 || f.Status == 503):
		c.gate.Asked(host, f.RetryAfter)
	case err == nil, failed && f.ServiceShape && f.Status < 500:
		c.gate.Works(host)
	default:
		c.gate.Failed(host)
	}
	c.remember(host, err)
}

// remember keeps how a request went, for status. Any whole answer of the service
// means reachable.
func (c *contacts) remember(host string, err error) {
	c.change(host, func(k *contact) {
		k.tried = true
		f, failed := errors.AsType[*tms.Failure](err)
		k.reachable = err == nil || failed && f.Reach == tms.Answered && (f.ServiceShape || f.Status == 429)
		k.text, k.at = "", c.clock.Wall()
		if err != nil {
			k.text = err.Error()
		}
	})
}

func (c *contacts) change(host string, f func(*contact)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]contact{}
	}
	k := c.seen[host]
	f(&k)
	c.seen[host] = k
}

// noted is a Service whose outcomes are noted for status.
type noted struct {
	Service
	contacts *contacts
	host     string
}

// Discover implements [Service].
func (n noted) Discover(ctx context.Context) (tms.Provider, error) {
	if err := n.contacts.enter("discover", n.host); err != nil {
		return tms.Provider{}, err
	}
	p, err := n.Service.Discover(ctx)
	n.contacts.note(n.host, err)
	return p, err
}

// Redeem implements [Service].
func (n noted) Redeem(ctx context.Context, registration token.Secret, r tms.Request) (tms.AuthToken, error) {
	if err := n.contacts.enter("redeem", n.host); err != nil {
		return tms.AuthToken{}, err
	}
	t, err := n.Service.Redeem(ctx, registration, r)
	n.contacts.note(n.host, err)
	return t, err
}

// Refresh implements [Service].
func (n noted) Refresh(ctx context.Context, r tms.RefreshRequest) (tms.AuthToken, error) {
	if err := n.contacts.enter("refresh", n.host); err != nil {
		return tms.AuthToken{}, err
	}
	t, err := n.Service.Refresh(ctx, r)
	n.contacts.note(n.host, err)
	return t, err
}
