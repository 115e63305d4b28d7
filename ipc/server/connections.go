package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"regent/agent"
	"regent/agent/fault"
)

// connections holds the caller of each connection for as long as that is open.
type connections struct {
	identify func(net.Conn) (Attested, error)
	users    *users
	open     sync.WaitGroup
	fresh    atomic.Int64 // connections whose first request has not begun

	mu   sync.Mutex
	held map[net.Conn]*connection
}

// connection is what the requests over one connection know of its caller.
type connection struct {
	who    Attested            // nil if the caller is not known
	caller func() agent.Caller // resolved at the first request
	err    error
	used   atomic.Bool // a request has begun, or none will
}

type connectionKey struct{}

var errTooMany = errors.New("too many connections of this user")

func newConnections(identify func(net.Conn) (Attested, error), us *users) *connections {
	return &connections{identify: identify, users: us, held: map[net.Conn]*connection{}}
}

// opened identifies the caller. The HTTP server calls it for each connection
// that it accepts, before changed.
func (cs *connections) opened(ctx context.Context, c net.Conn) context.Context {
	cs.open.Add(1)
	cs.fresh.Add(1)
	conn := &connection{}
	who, err := cs.identify(c)
	if err == nil && !cs.users.connect(who.User()) {
		err = errors.Join(errTooMany, who.Close())
	}
	if errors.Is(err, errTooMany) || errors.Is(err, ErrExhausted) {
		_ = c.Close() // the HTTP server finds that, and reports it closed
	}
	if err != nil {
		conn.err = err
	} else {
		conn.who, conn.caller = who, sync.OnceValue(who.Caller)
	}
	cs.mu.Lock()
	cs.held[c] = conn
	cs.mu.Unlock()
	return context.WithValue(ctx, connectionKey{}, conn)
}

// changed lets go of the caller. The HTTP server reports a connection closed
// once, after the last request over it has ended.
func (cs *connections) changed(c net.Conn, state http.ConnState) {
	if state != http.StateClosed {
		return
	}
	cs.mu.Lock()
	conn := cs.held[c]
	delete(cs.held, c)
	cs.mu.Unlock()
	cs.use(conn)
	if conn.who != nil {
		cs.users.disconnect(conn.who.User())
		_ = conn.who.Close() // there is nobody to tell, and nothing to be done
	}
	cs.open.Done()
}

// use notes that a request has begun over a connection, or that none will.
func (cs *connections) use(c *connection) {
	if c.used.CompareAndSwap(false, true) {
		cs.fresh.Add(-1)
	}
}

// begins notes the beginning of each request.
func (cs *connections) begins(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connectionKey{}).(*connection); ok {
			cs.use(c)
		}
		next.ServeHTTP(w, r)
	})
}

// settle returns once a request has begun over every connection that there is,
// or after a limit: who connects and says nothing holds nobody up. No new one
// may come any more.
func (cs *connections) settle(limit time.Duration) {
	again := time.NewTicker(settleEvery)
	defer again.Stop()
	late := time.NewTimer(limit)
	defer late.Stop()
	for cs.fresh.Load() > 0 {
		select {
		case <-again.C:
		case <-late.C:
			return
		}
	}
}

// wait returns when no connection is open. No new one may come any more.
func (cs *connections) wait() { cs.open.Wait() }

// callerOf returns who made the request.
func callerOf(r *http.Request) (agent.Caller, error) {
	c, ok := r.Context().Value(connectionKey{}).(*connection)
	switch {
	case !ok:
		return agent.Caller{}, fault.Errorf("attest", fault.Internal, "[unexpected] the request came over no connection")
	case c.err != nil:
		return agent.Caller{}, fault.Errorf("attest", fault.Denied, "the system could not say which process is calling; the daemon's log has the cause").Because(c.err)
	}
	return c.caller(), nil
}
