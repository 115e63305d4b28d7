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

// TokenSource has a token of one instance at hand. It asks the agent for the
// next one in good time, so that Token answers from memory nearly always. It is
// safe for concurrent use, and its tokens are valid or an error.
//
// With Run it also learns at once that a token was replaced or withdrawn;
// without, when a fifth of its life is left.
type TokenSource struct {
	client      *Client
	request     api.TokenRequest
	now         func() time.Time
	cached      atomic.Pointer[cachedToken]
	refreshLock chan struct{} // taken by the one who asks the agent
}

// cachedToken is a token and when to ask for the next one. Each time is kept by both
// clocks: the monotonic one may stand still while the machine sleeps, and the
// civil one can be set back.
type cachedToken struct {
	token                api.Token
	refreshAt, expiresAt time.Time // next is never after end
}

// isPast reports whether t has come by either clock.
func isPast(now, t time.Time) bool { return !now.Before(t) || !now.Round(0).Before(t.Round(0)) }

// retryAfter is how long a valid token is used on before the agent, which could
// not be asked for the next one, is asked again.
const retryAfter = 5 * time.Second

// TokenSource returns a source of what the request asks for. It asks nothing
// yet.
func (c *Client) TokenSource(q api.TokenRequest) *TokenSource {
	return &TokenSource{
		client: c, request: q, refreshLock: make(chan struct{}, 1),
		now: time.Now, //nolint:forbidigo // a client has no clock of the agent's
	}
}

// Token returns a token that is valid now. Errors are those of [Client.Token].
func (s *TokenSource) Token(ctx context.Context) (api.Token, error) {
	h, now := s.cached.Load(), s.now()
	if h != nil && !isPast(now, h.refreshAt) {
		return h.token, nil
	}
	select {
	case s.refreshLock <- struct{}{}:
		defer func() { <-s.refreshLock }()
		return s.refresh(ctx)
	default: // somebody asks already
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

// refresh asks the agent, unless the one before did. The caller has the turn.
func (s *TokenSource) refresh(ctx context.Context) (api.Token, error) {
	h := s.cached.Load()
	if h != nil && !isPast(s.now(), h.refreshAt) {
		return h.token, nil
	}
	began := s.now() // its life counts from the answer, which came later
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

// isPermanent reports whether the agent has withdrawn what was handed out: the token
// is no good any more, or not ours to use.
func isPermanent(err error) bool {
	return errors.Is(err, fault.Revoked) || errors.Is(err, fault.Denied) || errors.Is(err, fault.NoFreeInstance)
}

// ReplaceRejected says that Cloud LM answered 401 to a token, waits for another one and
// returns it. More often than once a minute that is throttled.
func (s *TokenSource) ReplaceRejected(ctx context.Context, tok api.Token) (api.Token, error) {
	_, number, _ := strings.Cut(tok.Instance, "/")
	if err := s.client.Invalidate(ctx, tok.Application, number, tok.Generation); err != nil {
		return api.Token{}, err
	}
	s.expire(tok.Instance, tok.Generation+1)
	return s.Token(ctx)
}

// expire has the next Token ask, if what is held is older than generation.
func (s *TokenSource) expire(instance string, generation uint64) {
	h := s.cached.Load()
	if h == nil || h.token.Instance != instance || h.token.Generation >= generation {
		return
	}
	s.cached.CompareAndSwap(h, &cachedToken{token: h.token, refreshAt: s.now(), expiresAt: h.expiresAt})
}

// Run watches until ctx is done, and has the source ask when its token was
// replaced or its instance changed its state. It returns nil.
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

// isOutdated reports whether what is held is not what the event tells of.
func (s *TokenSource) isOutdated(e api.Event) bool {
	h := s.cached.Load()
	return h != nil && h.token.Instance == e.Instance && (h.token.Generation < e.Generation || e.State == string(fault.Revoked))
}
