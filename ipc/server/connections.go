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
	user     func(net.Conn) (Account, error)
	identify func(net.Conn) (Attested, error)
	users    *users
	open     sync.WaitGroup
	fresh    atomic.Int64 // connections whose first request has not begun

	mu   sync.Mutex
	held map[net.Conn]*connection
}

// connection is what the requests over one connection know of its caller.
type connection struct {
	net.Conn
	late   *time.Timer         // ends the wait for a body; nil before the first
	user   Account             // its name is "" if it is counted for nobody
	unread bool                // the request under way has a body that has not come; for its goroutine alone
	who    Attested            // nil if the caller is not known
	caller func() agent.Caller // resolved at the first request
	err    error
	used   atomic.Bool // a request has begun, or none will
}

type connectionKey struct{}

var errTooMany = errors.New("too many connections of this user")

func newConnections(user func(net.Conn) (Account, error), identify func(net.Conn) (Attested, error), us *users) *connections {
	return &connections{user: user, identify: identify, users: us, held: map[net.Conn]*connection{}}
}

// opened identifies the caller. The HTTP server calls it for each connection
// that it accepts, before changed.
func (cs *connections) opened(ctx context.Context, c net.Conn) context.Context {
	cs.open.Add(1)
	cs.fresh.Add(1)
	conn := &connection{Conn: c}
	if err := cs.admit(c, conn); err != nil {
		conn.err = err
		if conn.user.Name == "" || errors.Is(err, ErrExhausted) {
			_ = c.Close() // the HTTP server finds that, and reports it closed
		}
	}
	cs.mu.Lock()
	cs.held[c] = conn
	cs.mu.Unlock()
	return context.WithValue(ctx, connectionKey{}, conn)
}

// admit counts a connection for its user, and then identifies the process. Who
// cannot be counted, and who has too many, costs no more than this look; who
// cannot be identified, since it has exited, still counts for its user.
func (cs *connections) admit(c net.Conn, conn *connection) error {
	account, err := cs.user(c)
	if err != nil {
		return err
	}
	if !cs.users.connect(account) {
		return errTooMany
	}
	conn.user = account
	who, err := cs.identify(c)
	if err != nil {
		return err
	}
	conn.who, conn.caller = who, sync.OnceValue(who.Caller)
	return nil
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
	if conn.late != nil {
		conn.late.Stop()
	}
	cs.use(conn)
	if conn.who != nil {
		_ = conn.who.Close() // there is nobody to tell, and nothing to be done
	}
	if conn.user.Name != "" {
		cs.users.disconnect(conn.user)
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
		if c, ok := connectionOf(r); ok {
			cs.use(c)
			c.unread = r.ContentLength != 0
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

// connectionOf returns what is known of the connection of a request.
func connectionOf(r *http.Request) (*connection, bool) {
	c, ok := r.Context().Value(connectionKey{}).(*connection)
	return c, ok
}

// await bounds the wait for a body. The timer is the connection's: one for each request would be three
// allocations.
func (c *connection) await(limit time.Duration) {
	if c.late == nil {
		c.late = time.AfterFunc(limit, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
		return
	}
	c.late.Reset(limit)
}

// arrived ends the wait. err is what reading the body to its end came to.
func (c *connection) arrived(err error) error {
	late := !c.late.Stop()
	if err != nil {
		return err
	}
	c.unread = false
	if late {
		return c.SetReadDeadline(time.Time{}) // it came just in time
	}
	return nil
}

// dismiss sees to it that nobody waits for a body that is not read: the HTTP
// server would, without a limit, to find the next request behind it.
func dismiss(w http.ResponseWriter, r *http.Request) {
	c, ok := connectionOf(r)
	if !ok || !c.unread {
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
		return agent.Caller{}, fault.Errorf("attest", fault.Denied, "the system could not say which process is calling; the daemon's log has the cause").Because(c.err)
	}
	return c.caller(), nil
}

// accountOf returns for whom the calls over the connection of a request count.
func accountOf(r *http.Request) string {
	if c, ok := connectionOf(r); ok {
		return c.user.Name
	}
	return ""
}
