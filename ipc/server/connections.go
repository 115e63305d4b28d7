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

// connections holds the caller of each connection for as long as that is open.
type connections struct {
	accountOf       func(net.Conn) (Account, error)
	identify        func(net.Conn) (IdentifiedCaller, error)
	accounts        *accounts
	open            sync.WaitGroup
	awaitingRequest atomic.Int64 // connections whose first request has not begun
}

// connection is what the requests over one connection know of its caller.
type connection struct {
	net.Conn
	bodyTimer   *time.Timer         // ends the wait for a body; nil before the first
	account     Account             // its name is "" if it is counted for nobody
	bodyPending bool                // the request under way has a body that has not come; for its goroutine alone
	identified  IdentifiedCaller    // nil if the caller is not known
	caller      func() agent.Caller // resolved at the first request
	err         error
	used        atomic.Bool // a request has begun, or none will
}

type connectionKey struct{}

var errTooMany = errors.New("too many connections of this user")

// listener identifies the caller of each connection that it accepts.
type listener struct {
	net.Listener
	conns *connections
}

// Accept implements [net.Listener]. It returns a *connection.
func (l listener) Accept() (net.Conn, error) {
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
			_ = c.Close() // the HTTP server finds that, and reports it closed
		}
	}
	return conn, nil
}

// admit counts a connection for its user, and then identifies the process. Who
// cannot be counted, and who has too many, costs no more than this look; who
// cannot be identified, since it has exited, still counts for its user.
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

// onStateChange lets go of the caller. The HTTP server reports a connection closed
// once, after the last request over it has ended.
func (cs *connections) onStateChange(c net.Conn, state http.ConnState) {
	if state != http.StateClosed {
		return
	}
	conn := c.(*connection)
	if conn.bodyTimer != nil {
		conn.bodyTimer.Stop()
	}
	cs.markUsed(conn)
	if conn.identified != nil {
		_ = conn.identified.Close() // there is nobody to tell, and nothing to be done
	}
	if conn.account.Name != "" {
		cs.accounts.disconnect(conn.account)
	}
	cs.open.Done()
}

// markUsed notes that a request has begun over a connection, or that none will.
func (cs *connections) markUsed(c *connection) {
	if c.used.CompareAndSwap(false, true) {
		cs.awaitingRequest.Add(-1)
	}
}

// trackRequests notes the beginning of each request.
func (cs *connections) trackRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := connectionOf(r); ok {
			cs.markUsed(c)
			c.bodyPending = r.ContentLength != 0
		}
		next.ServeHTTP(w, r)
	})
}

// awaitFirstRequests returns once a request has begun over every connection that there is,
// or after a limit: who connects and says nothing holds nobody up. No new one
// may come any more.
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

// wait returns when no connection is open. No new one may come any more.
func (cs *connections) wait() { cs.open.Wait() }

// connectionOf returns what is known of the connection of a request.
func connectionOf(r *http.Request) (*connection, bool) {
	c, ok := r.Context().Value(connectionKey{}).(*connection)
	return c, ok
}

// startBodyTimer bounds the wait for a body. The timer is the connection's: one for each request would be three
// allocations.
func (c *connection) startBodyTimer(limit time.Duration) {
	if c.bodyTimer == nil {
		c.bodyTimer = time.AfterFunc(limit, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
		return
	}
	c.bodyTimer.Reset(limit)
}

// stopBodyTimer ends the wait. err is what reading the body to its end came to.
func (c *connection) stopBodyTimer(err error) error {
	late := !c.bodyTimer.Stop()
	if err != nil {
		return err
	}
	c.bodyPending = false
	if late {
		return c.SetReadDeadline(time.Time{}) // it came just in time
	}
	return nil
}

// abandonBody sees to it that nobody waits for a body that is not read: the HTTP
// server would, without a limit, to find the next request behind it.
func abandonBody(w http.ResponseWriter, r *http.Request) {
	c, ok := connectionOf(r)
	if !ok || !c.bodyPending {
		return
	}
	w.Header().Set("Connection", "close")
	_ = c.SetReadDeadline(time.Unix(1, 0)) // a connection that is closed needs none
}

// callerOf returns who made the request.
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

// accountOf returns for whom the calls over the connection of a request count.
func accountOf(r *http.Request) string {
	if c, ok := connectionOf(r); ok {
		return c.account.Name
	}
	return ""
}
