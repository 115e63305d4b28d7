package server

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"regent/agent"
	"regent/agent/fault"
)

// connections has the caller of each open connection.
type connections struct {
	accountOf       func(net.Conn) (Account, error)
	identify        func(net.Conn) (IdentifiedCaller, error)
	accounts        *accounts
	open            sync.WaitGroup
	awaitingRequest atomic.Int64 // connections without a first request
}

// connection is a connection with its caller.
type connection struct {
	net.Conn
	bodyTimer   *time.Timer         // ends the wait for a body; nil before the first
	account     Account             // its name is "" if the connection is not counted
	bodyPending bool                // the body of the current request is unread; used by its goroutine only
	identified  IdentifiedCaller    // nil if unknown
	caller      func() agent.Caller // resolved at the first request
	err         error
	used        atomic.Bool // a request has begun, or none will
	unread      []byte      // bytes of a request that net/http reads first
	decided     error       // the agent's answer to that request, if it is no token
}

// Read implements [net.Conn]. It wipes the unread bytes, which may have a secret.
func (c *connection) Read(b []byte) (int, error) {
	if len(c.unread) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.unread)
	clear(c.unread[:n])
	if c.unread = c.unread[n:]; len(c.unread) == 0 {
		c.unread = nil
	}
	return n, nil
}

// takeDecision returns the agent's answer to the first request of a connection, if it was
// asked before net/http got the connection.
func (c *connection) takeDecision() error {
	err := c.decided
	c.decided = nil
	if errors.Is(err, agent.ErrNotAtOnce) {
		return nil
	}
	return err
}

type connectionKey struct{}

var errTooMany = errors.New("too many connections of this user")

// listener identifies the caller of each connection that it accepts.
type listener struct {
	net.Listener
	conns  *connections
	direct *directWay
}

// Accept implements [net.Listener]. It starts the direct way of each connection, and returns
// only a *connection without a caller.
func (l listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.conns.open.Add(1)
		l.conns.awaitingRequest.Add(1)
		conn := &connection{Conn: c}
		if err := l.conns.admit(conn); err != nil {
			conn.err = err
			if conn.account.Name == "" || errors.Is(err, ErrExhausted) {
				_ = c.Close() // the HTTP server notices it, and reports it closed
			}
			return conn, nil
		}
		if l.direct.httpOnly {
			return conn, nil
		}
		l.direct.start(conn)
	}
}

// singleListener is a listener with one connection. The connection is nil once accepted.
type singleListener struct{ net.Conn }

// Accept implements [net.Listener].
func (l *singleListener) Accept() (c net.Conn, err error) {
	if l.Conn == nil {
		return nil, net.ErrClosed
	}
	c, l.Conn = l.Conn, nil
	return c, nil
}

// Close implements [net.Listener]. The connection stays open.
func (l *singleListener) Close() error { return nil }

// Addr implements [net.Listener].
func (l *singleListener) Addr() net.Addr { return nil }

// admit counts a connection for its account, and then identifies the process. It rejects a
// connection over the limit before it identifies the process. A process that has exited
// still counts for its user.
func (cs *connections) admit(conn *connection) error {
	account, err := cs.accountOf(conn.Conn)
	if err != nil {
		return err
	}
	if !cs.accounts.connect(account) {
		return errTooMany
	}
	conn.account = account
	who, err := cs.identify(conn.Conn)
	if err != nil {
		return err
	}
	conn.identified, conn.caller = who, sync.OnceValue(who.Caller)
	return nil
}

// onStateChange releases a closed connection. The HTTP server reports a connection closed
// once, after its last request.
func (cs *connections) onStateChange(c net.Conn, state http.ConnState) {
	if state == http.StateClosed {
		cs.release(c.(*connection))
	}
}

// release releases the caller of a closed connection.
func (cs *connections) release(conn *connection) {
	if conn.bodyTimer != nil {
		conn.bodyTimer.Stop()
	}
	cs.markUsed(conn)
	if conn.identified != nil {
		_ = conn.identified.Close() // nothing can be done about it
	}
	if conn.account.Name != "" {
		cs.accounts.disconnect(conn.account)
	}
	cs.open.Done()
}

// markUsed records that a request has begun over a connection, or that none will.
func (cs *connections) markUsed(c *connection) {
	if c.used.CompareAndSwap(false, true) {
		cs.awaitingRequest.Add(-1)
	}
}

// expectRequest is the opposite of markUsed, for a connection with an unanswered request.
func (cs *connections) expectRequest(c *connection) {
	if c.used.CompareAndSwap(true, false) {
		cs.awaitingRequest.Add(1)
	}
}

// trackRequests records the start of each request.
func (cs *connections) trackRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := connectionOf(r); ok {
			cs.markUsed(c)
			c.bodyPending = r.ContentLength != 0
			defer func() { c.decided = nil }() // it is for this request only
		}
		next.ServeHTTP(w, r)
	})
}

// awaitFirstRequests returns when every connection has begun a request, or after a limit.
// The listener must be closed.
func (cs *connections) awaitFirstRequests(limit time.Duration) {
	again := time.NewTicker(firstRequestPoll)
	defer again.Stop()
	late := time.NewTimer(limit)
	defer late.Stop()
	for cs.awaitingRequest.Load() > 0 {
		select {
		case <-again.C:
		case <-late.C:
			return
		}
	}
}

// wait returns when no connection is open. The listener must be closed.
func (cs *connections) wait() { cs.open.Wait() }

// connectionOf returns the connection of a request.
func connectionOf(r *http.Request) (*connection, bool) {
	c, ok := r.Context().Value(connectionKey{}).(*connection)
	return c, ok
}

// startBodyTimer limits the wait for a body. The connection has one timer, since a timer
// for each request would be three allocations.
func (c *connection) startBodyTimer(limit time.Duration) {
	if c.bodyTimer == nil {
		c.bodyTimer = time.AfterFunc(limit, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
		return
	}
	c.bodyTimer.Reset(limit)
}

// stopBodyTimer ends the wait. err is the result of reading the body.
func (c *connection) stopBodyTimer(err error) error {
	late := !c.bodyTimer.Stop()
	if err != nil {
		return err
	}
	c.bodyPending = false
	if late {
		return c.SetReadDeadline(time.Time{}) // it arrived just in time
	}
	return nil
}

// abandonBody closes the connection after an unread body. Otherwise the HTTP server would
// wait without a limit for the body, to find the next request.
func abandonBody(w http.ResponseWriter, r *http.Request) {
	c, ok := connectionOf(r)
	if !ok || !c.bodyPending {
		return
	}
	w.Header().Set("Connection", "close")
	_ = c.SetReadDeadline(time.Unix(1, 0)) // a connection that is closed needs none
}

// callerOf returns the caller of a request.
func callerOf(r *http.Request) (agent.Caller, error) {
	c, ok := connectionOf(r)
	switch {
	case !ok:
		return agent.Caller{}, fault.Errorf("attest", fault.Internal, "[unexpected] the request came over no connection")
	case c.err != nil:
		return agent.Caller{}, fault.Errorf("attest", fault.Denied, "the system could not say which process is calling; the daemon's log has the cause").WithCause(c.err)
	}
	return c.caller(), nil
}

// accountOf returns the account of a request's connection.
func accountOf(r *http.Request) string {
	if c, ok := connectionOf(r); ok {
		return c.account.Name
	}
	return ""
}
