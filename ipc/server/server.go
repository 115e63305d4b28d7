// Package server serves the local interface over any listener.
//
// It turns HTTP requests into calls of the agent, and their results into JSON. From a
// failure it sends only the fault's kind and its text for the caller. It does not depend on
// sockets or the operating system. It makes no access decision: it passes the identified
// caller to the agent.
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
	headerSlack         = 4 << 10         // net/http reads so much beyond its limit
	maxBodyBytes        = 64 << 10        // bytes
	replyBufferSize     = 8 << 10         // bytes; an answer with a token has fewer
	headerTimeout       = 5 * time.Second // for the header of a request to arrive
	bodyTimeout         = 5 * time.Second // for its body
	idleTimeout         = 2 * time.Minute // between requests
	writeTimeout        = 5 * time.Second // for a client to read an answer
	shutdownTimeout     = 5 * time.Second // for current requests at shutdown
	firstRequestTimeout = 1 * time.Second // for the first request over a new connection, at shutdown
	firstRequestPoll    = 2 * time.Millisecond
)

// Agent answers the calls. Its errors are faults; any other error is a defect.
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

	// Administers reports whether the caller is an administrator's process.
	Administers(agent.Caller) bool
	// Status is called for an administrator, or for the zero caller, and not for each
	// caller. Callers share the result.
	Status(context.Context, agent.Caller) (status.Status, error)
	// LeasedInstances returns the instances that the caller holds, with the fields that it
	// may see.
	LeasedInstances(context.Context, agent.Caller) []status.Instance
	// Metrics returns the metrics in Prometheus' text format, if the caller may read them.
	Metrics(context.Context, agent.Caller) (string, error)
	// Contract asks the tenants for their forms, if the caller is allowed to.
	Contract(context.Context, agent.Caller) (api.Contract, error)
	// Watch starts a watch of an application, if the caller is allowed to. next waits for
	// the next events, until the context of the watch ends. Its errors are the context's, or
	// faults.
	Watch(ctx context.Context, by agent.Caller, application string) (next func(context.Context) ([]agent.Event, error), err error)
}

var _ Agent = (*agent.Agent)(nil)

// StoreManager reports the state of the store, and runs operations that only a person may
// decide. Its errors are faults; any other error is a defect.
type StoreManager interface {
	StoreStatus(ctx context.Context, by agent.Caller) (api.Store, error)
	RunStoreOperation(ctx context.Context, by agent.Caller, verb string, really bool) (api.Store, error)
	Unregister(ctx context.Context, by agent.Caller) (api.Store, error)
}

// IdentifiedCaller is an identified process. It keeps a handle of it until Close.
type IdentifiedCaller interface {
	// Caller is called at the first request, and may take its time. Its Recheck is called
	// right before an answer.
	Caller() agent.Caller
	Close() error
}

// ErrExhausted is wrapped by the errors of Identify if this process has no free descriptor.
// The server then closes the connection, which frees one.
var ErrExhausted = errors.New("out of descriptors")

// Deps are the dependencies of a server. All are required.
type Deps struct {
	Agent        Agent
	StoreManager StoreManager
	// Reload reads the configuration again, if the caller is allowed to.
	Reload func(context.Context, agent.Caller) error
	// Policy returns the active configuration and its sources, if the caller may see it.
	Policy func(context.Context, agent.Caller) (api.Policy, error)
	// Diagnose gathers facts that only the daemon sees. The server adds the status.
	Diagnose func(context.Context, agent.Caller) (api.Diagnosis, error)
	// AccountOf returns the account of a connection. It is called before any other work for
	// the connection, and also for a process that has exited.
	AccountOf func(net.Conn) (Account, error)
	// Identify returns the process that made a connection. The accept loop calls it, so it
	// must not block. If it fails, requests over that connection are denied.
	Identify func(net.Conn) (IdentifiedCaller, error)
	// IdentifyPID identifies a process that has not connected, for an administrator.
	// Its errors are texts for a person.
	IdentifyPID func(pid int) (IdentifiedCaller, error)
	// MaxConnections is the largest number of open connections; the server closes further
	// ones. limits.go has the limit of one account.
	MaxConnections int
	Now            func() time.Time
	Log            *slog.Logger
}

// Server is the local interface. It is safe for concurrent use.
type Server struct {
	Deps
	handler       http.Handler
	httpOnly      bool // for tests: no request is answered directly
	accounts      *accounts
	tokenRequests requestCache
	adminStatus   *sharedReply // the status for administrators
	publicStatus  *sharedReply // and for all others
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

// Serve serves ln until ctx is done, and closes it. Accepted connections then have 1 s to
// begin their first request, and current requests have 5 s to finish. It closes the others,
// and returns after the last one. It returns an error only if ln failed.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	base, cut := context.WithCancel(context.WithValue(context.WithoutCancel(ctx), shutdownKey{}, ctx))
	defer cut()
	conns := &connections{accountOf: s.AccountOf, identify: s.Identify, accounts: s.accounts}
	hs := s.httpServer(base, conns)
	direct := &directWay{Server: s, conns: conns, http: hs}
	served := make(chan struct{})
	var ended error // read only after served is closed
	go func() {
		defer close(served)
		ended = hs.Serve(listener{ln, conns, direct})
	}()

	select {
	case <-served:
	case <-ctx.Done():
	}
	// 1. Accept no more connections. New clients wait at the service manager's socket for
	//    the next daemon. Without such a socket they are refused.
	closed := ln.Close()
	<-served
	// 2. Answer accepted connections. After Shutdown, net/http drops a connection without a
	//    first request, so Shutdown comes later.
	conns.awaitFirstRequests(firstRequestTimeout)
	// 3. Finish current requests.
	s.drain(base, cut, hs, conns, direct)
	conns.wait()
	if ctx.Err() == nil {
		return fmt.Errorf("serve %s: %w", ln.Addr(), ended)
	}
	return closed
}

// drain lets requests finish, and closes those that take too long.
func (s *Server) drain(base context.Context, cut func(), hs *http.Server, conns *connections, direct *directWay) {
	patience, cancel := context.WithTimeout(base, shutdownTimeout)
	defer cancel()
	direct.drain(patience)
	conns.awaitFirstRequests(firstRequestTimeout) // of connections that net/http just got
	if err := hs.Shutdown(patience); err != nil {
		s.Log.InfoContext(base, "connections were closed at shutdown", "err", err)
		cut()
		_ = hs.Close() // its error only repeats that the listener is closed
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
