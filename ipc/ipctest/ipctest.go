// Package ipctest has a listener without a socket and a caller without a process, for
// tests.
package ipctest

import (
	"context"
	"net"
	"sync"
	"testing"

	"regent/agent"
	"regent/agent/authz"
	"regent/agent/lease"
	"regent/ipc/server"
)

// Listener is a [net.Listener] whose connections are pipes inside this process,
// so that both ends can run in a synctest bubble. It is safe for concurrent use.
type Listener struct {
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
}

// NewListener returns a listener.
func NewListener() *Listener {
	return &Listener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Dial connects to the listener once it accepts.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (l *Listener) Close() error {
	l.close.Do(func() { close(l.done) })
	return nil
}

// Addr implements [net.Listener].
func (l *Listener) Addr() net.Addr { return &net.UnixAddr{Name: "ipctest", Net: "unix"} }

// Serve runs a server at ln until the test ends. An error of it fails the test.
func Serve(t testing.TB, s interface {
	Serve(context.Context, net.Listener) error
}, ln net.Listener,
) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// Process is a process that lives until it is told otherwise. The zero value
// lives. It is safe for concurrent use.
type Process struct {
	mu      sync.Mutex
	exitErr error
	handles int
}

// Exit makes Alive, and Recheck of its callers, return err from now on.
func (p *Process) Exit(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exitErr = err
}

// Alive implements [lease.Process].
func (p *Process) Alive() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exitErr
}

// Duplicate implements [lease.Process].
func (p *Process) Duplicate() (lease.Process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handles++
	return p, nil
}

// Close implements [lease.Process].
func (p *Process) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handles--
	return nil
}

// OpenHandles returns how many holds there are that were not closed.
func (p *Process) OpenHandles() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.handles
}

// FixedAccount says that every caller is this user.
func FixedAccount(uid string) func(net.Conn) (server.Account, error) {
	return func(net.Conn) (server.Account, error) { return server.Account{Name: uid}, nil }
}

// FixedCaller identifies every caller as the process p with the facts c.
func FixedCaller(c authz.Caller, p *Process) func(net.Conn) (server.IdentifiedCaller, error) {
	return func(net.Conn) (server.IdentifiedCaller, error) {
		hold, err := p.Duplicate()
		return fixedCaller{agent.Caller{Caller: c, Process: hold, Recheck: p.Alive}}, err
	}
}

type fixedCaller struct{ caller agent.Caller }

func (a fixedCaller) Caller() agent.Caller { return a.caller }
func (a fixedCaller) Close() error         { return a.caller.Process.Close() }

var (
	_ net.Listener            = (*Listener)(nil)
	_ lease.Process           = (*Process)(nil)
	_ server.IdentifiedCaller = fixedCaller{}
)
