package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"

	"regent/agent"
	"regent/agent/fault"
)

// connections holds the caller of each connection for as long as that is open.
type connections struct {
	identify func(net.Conn) (Attested, error)
	users    *users
	open     sync.WaitGroup

	mu   sync.Mutex
	held map[net.Conn]Attested
}

// connection is what the requests over one connection know of its caller.
type connection struct {
	caller func() agent.Caller // resolved at the first request
	err    error
}

type connectionKey struct{}

var errTooMany = errors.New("too many connections of this user")

func newConnections(identify func(net.Conn) (Attested, error), us *users) *connections {
	return &connections{identify: identify, users: us, held: map[net.Conn]Attested{}}
}

// opened identifies the caller. The HTTP server calls it for each connection
// that it accepts, before changed.
func (cs *connections) opened(ctx context.Context, c net.Conn) context.Context {
	cs.open.Add(1)
	who, err := cs.identify(c)
	if err == nil && !cs.users.connect(who.User()) {
		err = errors.Join(errTooMany, who.Close())
	}
	if errors.Is(err, errTooMany) || errors.Is(err, ErrExhausted) {
		_ = c.Close() // the HTTP server finds that, and reports it closed
	}
	if err != nil {
		return context.WithValue(ctx, connectionKey{}, &connection{err: err})
	}
	cs.mu.Lock()
	cs.held[c] = who
	cs.mu.Unlock()
	return context.WithValue(ctx, connectionKey{}, &connection{caller: sync.OnceValue(who.Caller)})
}

// changed lets go of the caller. The HTTP server reports a connection closed
// once, after the last request over it has ended.
func (cs *connections) changed(c net.Conn, state http.ConnState) {
	if state != http.StateClosed {
		return
	}
	cs.mu.Lock()
	who, ok := cs.held[c]
	delete(cs.held, c)
	cs.mu.Unlock()
	if ok {
		cs.users.disconnect(who.User())
		_ = who.Close() // there is nobody to tell, and nothing to be done
	}
	cs.open.Done()
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
