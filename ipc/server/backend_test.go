package server_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/agent"
	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/status"
	"regent/agent/token"
	"regent/ipc/api"
	"regent/ipc/client"
	"regent/ipc/ipctest"
	"regent/ipc/server"
)

// backend answers what it was given and remembers who asked for what.
type backend struct {
	err      error
	delay    time.Duration // of Token
	verifies bool          // Token verifies the caller
	quiet    bool          // nothing is remembered
	onToken  func()        // before Token returns
	onStatus func()        // before Status returns
	grant    agent.Grant
	entries  []redeem.Entry
	changes  eventStream
	held     []status.Instance

	mu    sync.Mutex
	asked []any
	ended error // what Token's context said when it was given up
}

func (b *backend) record(by agent.Caller, what ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(append(b.asked, by.User), what...)
}

func (b *backend) Token(ctx context.Context, by agent.Caller, q agent.TokenRequest) (agent.Grant, error) {
	if q.AtOnce && b.delay > 0 {
		return agent.Grant{}, agent.ErrNotAtOnce
	}
	if b.quiet {
		return b.grant, b.err
	}
	q.AtOnce = false
	b.record(by, q)
	if b.verifies {
		if err := by.Verify("token"); err != nil {
			return agent.Grant{}, err
		}
	}
	select {
	case <-time.After(b.delay):
	case <-ctx.Done():
		b.mu.Lock()
		b.ended = ctx.Err()
		b.mu.Unlock()
		return agent.Grant{}, ctx.Err()
	}
	if b.onToken != nil {
		b.onToken()
	}
	return b.grant, b.err
}

func (b *backend) Release(_ context.Context, by agent.Caller, application, instance string) error {
	b.record(by, "release", application, instance)
	return b.err
}

func (b *backend) Register(_ context.Context, by agent.Caller, r agent.Registration) (agent.RegisterResult, error) {
	b.record(by, r.Token.Reveal(), r.Tenant, r.Application, r.Source, r.Manual, r.Wait)
	return agent.RegisterResult{Tenant: "demo-host.com", Fingerprint: "0123abcd", Stored: true}, b.err
}

func (b *backend) Redeem(_ context.Context, by agent.Caller, application, instance string) error {
	b.record(by, "redeem", application, instance)
	return b.err
}

func (b *backend) Resolve(_ context.Context, by agent.Caller, redemption string, consumed bool) error {
	b.record(by, "resolve", redemption, consumed)
	return b.err
}

func (b *backend) Forget(_ context.Context, by agent.Caller, application, instance string) error {
	b.record(by, "forget", application, instance)
	return b.err
}

func (b *backend) Administers(by agent.Caller) bool { return by.Admin }

func (b *backend) VerifyLedger(_ context.Context, by agent.Caller) error {
	b.record(by, "verify")
	return b.err
}

func (b *backend) Status(_ context.Context, by agent.Caller) (status.Status, error) {
	b.record(by, "status")
	if b.onStatus != nil {
		b.onStatus()
	}
	return status.Status{Version: "1.2.3", Health: status.Serving, Store: status.Store{State: "ok"}}, b.err
}

func (b *backend) LeasedInstances(context.Context, agent.Caller) []status.Instance { return b.held }

func (b *backend) Ledger(_ context.Context, by agent.Caller) ([]redeem.Entry, error) {
	b.record(by, "ledger")
	return b.entries, b.err
}

func (b *backend) Reload(_ context.Context, by agent.Caller) error {
	b.record(by, "reload")
	return b.err
}

func (b *backend) Policy(_ context.Context, by agent.Caller) (api.Policy, error) {
	b.record(by, "policy")
	return api.Policy{Keys: []api.PolicyKey{{Key: "tenant", Level: "local", Status: api.PolicyStateOK}}}, b.err
}

func (b *backend) StoreStatus(_ context.Context, by agent.Caller) (api.Store, error) {
	b.record(by, "store")
	return api.Store{State: "ok", Ledger: "ok", Damaged: []api.StoreDamage{}}, b.err
}

func (b *backend) RunStoreOperation(_ context.Context, by agent.Caller, verb string, really bool) (api.Store, error) {
	b.record(by, verb, really)
	return api.Store{State: "ok", Ledger: "ok", Damaged: []api.StoreDamage{}, Verb: verb, Counts: 3}, b.err
}

func (b *backend) Unregister(_ context.Context, by agent.Caller) (api.Store, error) {
	b.record(by, "unregister")
	return api.Store{State: "ok", Ledger: "ok", Damaged: []api.StoreDamage{}, Wiped: []api.WipedToken{{Instance: "cad/1"}}}, b.err
}

func (b *backend) Invalidate(_ context.Context, by agent.Caller, application, instance string, seen uint64) error {
	b.record(by, "invalidate", application, instance, seen)
	return b.err
}

func (b *backend) Explain(_ context.Context, by agent.Caller, application string, of func() (agent.Caller, error)) (agent.Explanation, error) {
	b.record(by, "explain", application)
	if b.err != nil {
		return agent.Explanation{}, b.err
	}
	c, err := of()
	if err != nil {
		return agent.Explanation{}, fault.Errorf("explain", fault.InvalidRequest, "%v", err)
	}
	return agent.Explanation{Application: application, Caller: c.Caller, Decision: authz.Decision{Allow: true, Rule: "allow[0]", Reason: "it holds"}}, nil
}

func (b *backend) Watch(_ context.Context, by agent.Caller, application string) (func(context.Context) ([]agent.Event, error), error) {
	b.record(by, "watch", application)
	if b.err != nil {
		return nil, b.err
	}
	return b.changes.Next, nil
}

// eventStream are events that a test sends; a nil one ends the right to watch.
type eventStream chan *agent.Event

func (c eventStream) Next(ctx context.Context) ([]agent.Event, error) {
	select {
	case e := <-c:
		if e == nil {
			return nil, fault.New("watch", fault.Denied, nil)
		}
		return []agent.Event{*e}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// longGrant is a token as long as a JWT is, so that its reply is too long for the
// HTTP server to know its length by itself.
func longGrant() agent.Grant {
	return agent.Grant{
		Access: token.NewSecret(strings.Repeat("jwt.", 1000)), ExpiresIn: 90*time.Second + 999*time.Millisecond,
		ExpiresAt: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Application: "cad", Instance: "cad/2",
		Tenant: "https://demo-host.com", Generation: 7,
	}
}

// testServer is a server that runs, with a caller called alice.
type testServer struct {
	*server.Server
	prepare func() // before Serve; nil is nothing
	backend *backend
	process ipctest.Process
	ln      *ipctest.Listener
	user    string       // of every caller; "" is 1000
	stop    func() error // and the error of Serve
	log     strings.Builder
}

// newTestServer starts a server. It is to be called in a bubble, and stopped there.
func newTestServer(t *testing.T, b *backend) *testServer {
	t.Helper()
	h := &testServer{backend: b, ln: ipctest.NewListener()}
	h.serve(t, ipctest.FixedCaller(authz.Caller{User: "alice", UID: "1000", PID: 42}, &h.process))
	return h
}

func (h *testServer) serve(t *testing.T, identify func(net.Conn) (server.IdentifiedCaller, error)) {
	t.Helper()
	d := newDeps(h.backend, identify, slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	d.AccountOf = func(net.Conn) (server.Account, error) { return server.Account{Name: cmp.Or(h.user, "1000")}, nil }
	s, err := server.New(d)
	if err != nil {
		t.Fatal(err)
	}
	h.Server = s
	if h.prepare != nil {
		h.prepare()
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, h.ln) }()
	h.stop = func() error { cancel(); return <-done }
}

// inspect finds process 42 and no other.
func inspect(identify func(net.Conn) (server.IdentifiedCaller, error)) func(int) (server.IdentifiedCaller, error) {
	return func(pid int) (server.IdentifiedCaller, error) {
		if pid != 42 {
			return nil, fmt.Errorf("there is no process %d", pid)
		}
		return identify(nil)
	}
}

func newDeps(b *backend, identify func(net.Conn) (server.IdentifiedCaller, error), log *slog.Logger) server.Deps {
	return server.Deps{Agent: b, StoreManager: b, Reload: b.Reload, Policy: b.Policy, Diagnose: b.Diagnose, AccountOf: ipctest.FixedAccount("1000"), Identify: identify, IdentifyPID: inspect(identify), MaxConnections: 6, Now: time.Now, Log: log}
}

// client returns a client of the server.
func (h *testServer) client(t *testing.T) *client.Client {
	c := client.New(client.Options{Dial: h.ln.Dial})
	t.Cleanup(c.Close)
	return c
}

// httpClient returns an HTTP client of the server without any manners.
func (h *testServer) httpClient(t *testing.T) *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return h.ln.Dial(ctx) }}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
