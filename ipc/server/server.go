// Package server serves the local interface over any listener.
//
// It turns HTTP requests into the agent's use cases and their results into JSON. Of a
// failure it sends only a fault's kind and its text for the caller. It knows no socket
// and no system. It does not decide who may do what: it passes on the caller that the
// platform identified.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"sync"
	"time"

	"regent/agent"
	"regent/agent/audit"
	"regent/agent/status"
	"regent/ipc/api"
)

// Limits of one connection.
const (
	maxHeaderBytes      = 8 << 10         // bytes, with the request line
	headerSlack         = 4 << 10         // that net/http reads beyond the limit it is given
	maxBodyBytes        = 64 << 10        // bytes
	replyBufferSize     = 8 << 10         // bytes; more than an answer with a token has
	headerTimeout       = 5 * time.Second // for the header of a request to arrive
	bodyTimeout         = 5 * time.Second // for its body
	idleTimeout         = 2 * time.Minute // between requests
	writeTimeout        = 5 * time.Second // for a client to take an answer in
	shutdownTimeout     = 5 * time.Second // for requests under way when the server is to end
	firstRequestTimeout = 1 * time.Second // for the first request over a new connection, then
	firstRequestPoll    = 2 * time.Millisecond
)

// Agent has the use cases. Errors are faults; any other is a defect.
type Agent interface {
	Token(context.Context, agent.Caller, agent.TokenRequest) (agent.Grant, error)
	Release(ctx context.Context, by agent.Caller, application, instance string) error
	Invalidate(ctx context.Context, by agent.Caller, application, instance string, seen uint64) error
	Explain(ctx context.Context, by agent.Caller, application string, of func() (agent.Caller, error)) (agent.Explanation, error)

	Register(context.Context, agent.Caller, agent.Registration) (agent.RegisterResult, error)
	Redeem(ctx context.Context, by agent.Caller, application, instance string) error
	Resolve(ctx context.Context, by agent.Caller, redemption string, consumed bool) error
	Forget(ctx context.Context, by agent.Caller, application, instance string) error
	Ledger(context.Context, agent.Caller) ([]status.LedgerEntry, error)
	VerifyLedger(context.Context, agent.Caller) error

	// Administers reports whether the caller may administer, from where it is.
	Administers(agent.Caller) bool
	// Status is asked for an administrator, or for nobody in particular, and not for
	// each caller: what it returns is shared.
	Status(context.Context, agent.Caller) (status.Status, error)
	// LeasedInstances are the instances that the caller holds, as it may see them.
	LeasedInstances(context.Context, agent.Caller) []status.Instance
	// Metrics returns the metrics in Prometheus' text format, if the caller may read them.
	Metrics(context.Context, agent.Caller) (string, error)
	// Contract asks the tenants for their forms, if the caller is allowed to.
	Contract(context.Context, agent.Caller) (api.Contract, error)
	// Watch begins to watch an application, if the caller may. next waits for what is to
	// be told, until the context of the watch ends. Its errors are the context's, or faults.
	Watch(ctx context.Context, by agent.Caller, application string) (next func(context.Context) ([]agent.Event, error), err error)
}

var _ Agent = (*agent.Agent)(nil)

// StoreManager reports the state of the store, and runs actions on it that only a person
// may decide. Errors are faults; any other is a defect.
type StoreManager interface {
	StoreStatus(ctx context.Context, by agent.Caller) (api.Store, error)
	RunStoreOperation(ctx context.Context, by agent.Caller, verb string, really bool) (api.Store, error)
	Unregister(ctx context.Context, by agent.Caller) (api.Store, error)
}

// IdentifiedCaller is a caller that the platform identified, and holds until Close.
type IdentifiedCaller interface {
	// Caller is asked when there is a request; it may take its time. Its
	// Recheck is asked right before an answer.
	Caller() agent.Caller
	Close() error
}

// ErrExhausted is what Identify's errors wrap when this process has no
// descriptor left. The connection is then closed, which frees one.
var ErrExhausted = errors.New("out of descriptors")

// Deps is what a server is made of. All of it is required.
type Deps struct {
	Agent        Agent
	StoreManager StoreManager
	// Reload reads the configuration again, if the caller may have that done.
	Reload func(context.Context, agent.Caller) error
	// Policy says what configuration is in force and why, if the caller may know.
	Policy func(context.Context, agent.Caller) (api.Policy, error)
	// Diagnose gathers what only the daemon sees of what may be wrong. The status in
	// it is the server's to fill in.
	Diagnose func(context.Context, agent.Caller) (api.Diagnosis, error)
	// AccountOf says which account a connection is counted for: it is asked before
	// anything is spent on it, and of a process that is gone too.
	AccountOf func(net.Conn) (Account, error)
	// Identify says which process made a connection. It is called as connections
	// are accepted, one after the other, so it must not wait for anything. If it
	// fails, requests over that connection are denied.
	Identify func(net.Conn) (IdentifiedCaller, error)
	// IdentifyPID identifies a process that has not connected, for an administrator.
	// Its errors are words for a person.
	IdentifyPID func(pid int) (IdentifiedCaller, error)
	// MaxConnections bounds the connections at a time; more are closed. What of it one
	// account has is in limits.go.
	MaxConnections int
	Now            func() time.Time
	Log            *slog.Logger
}

// Server is the local interface. It is safe for concurrent use.
type Server struct {
	Deps
	handler       http.Handler
	accounts      *accounts
	tokenRequests requestCache
	adminStatus   *sharedReply // the status for administrators
	publicStatus  *sharedReply // and for everybody
	buffers       sync.Pool    // of *bytes.Buffer, empty and wiped
	failureLog    *audit.Suppressor[failureKey]
}

// New returns a server.
func New(d Deps) (*Server, error) {
	for f, v := range reflect.ValueOf(d).Fields() {
		if v.IsZero() {
			return nil, fmt.Errorf("new server: %s is missing", f.Name)
		}
	}
	s := &Server{Deps: d, accounts: newAccounts(d.Now, d.MaxConnections), failureLog: audit.NewSuppressor[failureKey](d.Now)}
	s.tokenRequests.byBody = map[string]api.TokenRequest{}
	s.adminStatus, s.publicStatus = s.statusFor(true), s.statusFor(false)
	s.handler = s.rejectBrowsers(s.mux())
	return s, nil
}

// Serve serves ln until ctx is done, and closes it. Connections that were
// accepted by then have 1 s to begin their first request, and requests under way
// have 5 s to end; what is left is cut off. It returns after the last of them,
// with an error only if ln failed.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	base, cut := context.WithCancel(context.WithValue(context.WithoutCancel(ctx), shutdownKey{}, ctx))
	defer cut()
	conns := &connections{accountOf: s.AccountOf, identify: s.Identify, accounts: s.accounts}
	hs := s.httpServer(base, conns)
	served := make(chan struct{})
	var ended error // to be read once served is closed
	go func() {
		defer close(served)
		ended = hs.Serve(listener{ln, conns})
	}()

	select {
	case <-served:
	case <-ctx.Done():
	}
	// 1. Nobody new: who comes now waits at the service manager's socket for the
	//    next daemon, or is refused where there is no such socket.
	closed := ln.Close()
	<-served
	// 2. Who was accepted is answered. net/http drops a connection whose first
	//    request it reads after it was told to shut down, so it is told later.
	conns.awaitFirstRequests(firstRequestTimeout)
	// 3. Requests under way come to their end.
	s.drain(base, cut, hs)
	conns.wait()
	if ctx.Err() == nil {
		return fmt.Errorf("serve %s: %w", ln.Addr(), ended)
	}
	return closed
}

// drain lets requests end, and cuts off those that take too long.
func (s *Server) drain(base context.Context, cut func(), hs *http.Server) {
	patience, cancel := context.WithTimeout(base, shutdownTimeout)
	defer cancel()
	if err := hs.Shutdown(patience); err != nil {
		s.Log.InfoContext(base, "connections were cut off at the end", "err", err)
		cut()
		_ = hs.Close() // it only repeats that the listener is closed
	}
}

func (s *Server) httpServer(base context.Context, conns *connections) *http.Server {
	return &http.Server{
		Handler:                      conns.trackRequests(s.handler),
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            headerTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes - headerSlack,
		BaseContext:                  func(net.Listener) context.Context { return base },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, c)
		},
		ConnState: conns.onStateChange,
		ErrorLog:  slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
}
