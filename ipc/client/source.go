package client

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"regent/agent/fault"
	"regent/ipc/api"
)

// TokenSource caches the access token of one instance. It asks the agent for the next one
// before the token expires, so Token nearly always answers from memory. It is safe for
// concurrent use.
//
// With Run it learns at once that a token was replaced or revoked. Without Run it learns
// it when a fifth of the lifetime is left.
type TokenSource struct {
	client      *Client
	request     api.TokenRequest
	now         func() time.Time
	cached      atomic.Pointer[cachedToken]
	refreshLock chan struct{} // held by the goroutine that asks the agent
}

// cachedToken is a token and the time to ask for the next one. Each time has both clocks:
// the monotonic clock may stop while the machine sleeps, and the wall clock can be set
// back.
type cachedToken struct {
	token                api.Token
	refreshAt, expiresAt time.Time // refreshAt is never after expiresAt
}

// isPast reports whether t is past by either clock.
func isPast(now, t time.Time) bool { return !now.Before(t) || !now.Round(0).Before(t.Round(0)) }

// retryAfter is the time to the next request after a failed one, while the token is valid.
const retryAfter = 5 * time.Second

// TokenSource returns a source for the request. It does not ask the agent yet.
func (c *Client) TokenSource(q api.TokenRequest) *TokenSource {
	return &TokenSource{
		client: c, request: q, refreshLock: make(chan struct{}, 1),
		now: time.Now, //nolint:forbidigo // a client does not use the agent's clock
	}
}

// Token returns a token that is valid now. Its errors are those of [Client.Token].
func (s *TokenSource) Token(ctx context.Context) (api.Token, error) {
	h, now := s.cached.Load(), s.now()
	if h != nil && !isPast(now, h.refreshAt) {
		return h.token, nil
	}
	select {
	case s.refreshLock <- struct{}{}:
		defer func() { <-s.refreshLock }()
		return s.refresh(ctx)
	default: // another goroutine asks already
	}
	if h != nil && !isPast(now, h.expiresAt) {
		return h.token, nil
	}
	select {
	case s.refreshLock <- struct{}{}:
		defer func() { <-s.refreshLock }()
		return s.refresh(ctx)
	case <-ctx.Done():
		return api.Token{}, context.Cause(ctx)
	}
}

// refresh asks the agent, unless another goroutine just did. The caller holds refreshLock.
func (s *TokenSource) refresh(ctx context.Context) (api.Token, error) {
	h := s.cached.Load()
	if h != nil && !isPast(s.now(), h.refreshAt) {
		return h.token, nil
	}
	began := s.now() // the lifetime counts from the later answer
	tok, err := s.client.Token(ctx, s.request)
	if err == nil {
		life := time.Duration(tok.ExpiresIn) * time.Second
		s.cached.Store(&cachedToken{token: tok, refreshAt: began.Add(life * 4 / 5), expiresAt: began.Add(life)})
		return tok, nil
	}
	if h == nil || isPast(s.now(), h.expiresAt) || isPermanent(err) {
		s.cached.Store(nil)
		return api.Token{}, err
	}
	next := s.now().Add(retryAfter)
	if next.After(h.expiresAt) {
		next = h.expiresAt
	}
	s.cached.Store(&cachedToken{token: h.token, refreshAt: next, expiresAt: h.expiresAt})
	return h.token, nil
}

// isPermanent reports whether this process may no longer use the token.
func isPermanent(err error) bool {
	return errors.Is(err, fault.Revoked) || errors.Is(err, fault.Denied) || errors.Is(err, fault.NoFreeInstance)
}

// ReplaceRejected reports that Cloud LM answered 401 to a token. It waits for another one
// and returns it. More than one call a minute is throttled.
func (s *TokenSource) ReplaceRejected(ctx context.Context, tok api.Token) (api.Token, error) {
	_, number, _ := strings.Cut(tok.Instance, "/")
	if err := s.client.Invalidate(ctx, tok.Application, number, tok.Generation); err != nil {
		return api.Token{}, err
	}
	s.expire(tok.Instance, tok.Generation+1)
	return s.Token(ctx)
}

// expire makes the next Token ask the agent, if the cached token is older than generation.
func (s *TokenSource) expire(instance string, generation uint64) {
	h := s.cached.Load()
	if h == nil || h.token.Instance != instance || h.token.Generation >= generation {
		return
	}
	s.cached.CompareAndSwap(h, &cachedToken{token: h.token, refreshAt: s.now(), expiresAt: h.expiresAt})
}

// Run watches the application until ctx is done. The source then asks for another token as
// soon as its token was replaced or its instance was revoked. It returns nil.
func (s *TokenSource) Run(ctx context.Context) error {
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		for e, err := range s.client.Watch(ctx, s.request.Application) {
			if err != nil {
				break
			}
			pause = time.Second
			if s.isOutdated(e) {
				s.expire(e.Instance, e.Generation+1)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// isOutdated reports whether the event replaces or revokes the cached token.
func (s *TokenSource) isOutdated(e api.Event) bool {
	h := s.cached.Load()
	return h != nil && h.token.Instance == e.Instance && (h.token.Generation < e.Generation || e.State == string(fault.Revoked))
}
