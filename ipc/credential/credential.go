// Package credential hands access tokens to systemd, for units that load one with
// LoadCredential=.
//
// The service manager connects and reads to the end. The address that it connects from
// names the unit. The package knows no system: it gets a listener and functions that
// ask the kernel. It decides only who may speak for units, which is root.
package credential

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"sync"
	"time"

	"regent/agent"
)

const (
	rootUID = "0"

	// A start of a unit waits for its answer: for a refresh, or a redemption.
	answerTimeout    = 40 * time.Second
	maxConcurrent    = 64              // connections; more wait at the listener
	acceptRetryDelay = 1 * time.Second // before the listener is asked again
)

// IdentifiedUnit is a unit that the platform found behind a connection, and holds
// until Close.
type IdentifiedUnit struct {
	Caller agent.Caller
	Close  func() error
}

// Deps is what a server is made of. All of it is required.
type Deps struct {
	// Credential leases an instance to the unit and returns its token.
	Credential func(context.Context, agent.Caller) (agent.Grant, error)
	// User says which user made a connection.
	User func(net.Conn) (uid string, err error)
	// Identify finds the unit whose process made a connection of root's.
	Identify func(net.Conn) (IdentifiedUnit, error)
	Now      func() time.Time
	Log      *slog.Logger
}

// Server is the provider of credentials. It is safe for concurrent use.
type Server struct{ Deps }

// New returns a server.
func New(d Deps) (*Server, error) {
	if d.Credential == nil || d.User == nil || d.Identify == nil || d.Now == nil || d.Log == nil {
		return nil, errors.New("new credential server: a dependency is missing")
	}
	return &Server{d}, nil
}

// Serve serves ln until ctx is done, and closes it. It returns after the last
// answer, with an error only if ln could not be closed.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	closed := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { closed <- ln.Close() })
	defer stop()
	var answers sync.WaitGroup
	defer answers.Wait()
	free := make(chan struct{}, maxConcurrent)
	for {
		c, err := ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				_ = c.Close() // it came too late
			}
			return <-closed
		}
		if err != nil {
			s.Log.WarnContext(ctx, "no connection can be taken for a credential now", "err", err)
			sleep(ctx, acceptRetryDelay)
			continue
		}
		free <- struct{}{}
		answers.Go(func() {
			defer func() { <-free }()
			s.serve(ctx, c)
		})
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// serve answers one connection: with a token, or with nothing.
func (s *Server) serve(ctx context.Context, c net.Conn) {
	defer func() { _ = c.Close() }() // what was written has left, or will not
	_ = c.SetDeadline(s.Now().Add(answerTimeout))
	uid, err := s.User(c)
	if err != nil || uid != rootUID {
		// Anybody can take an address that names a unit. Not logged at a level that
		// is on: it would be anybody's way to fill the log.
		s.Log.DebugContext(ctx, "not root asks for a credential", "uid", uid, "err", err)
		return
	}
	unit, err := s.answer(ctx, c)
	if err != nil {
		s.Log.WarnContext(ctx, "a unit gets no token: its credential is empty", "unit", unit, "err", err)
	}
}

func (s *Server) answer(ctx context.Context, c net.Conn) (unit string, err error) {
	unit, name, err := parseAddress(c.RemoteAddr().String())
	if err != nil {
		return "", err
	}
	if name != Name {
		return unit, fmt.Errorf("it asks for the credential %s, and there is only %s", name, Name)
	}
	who, err := s.Identify(c)
	if err != nil {
		return unit, fmt.Errorf("find its cgroup: %w", err)
	}
	defer func() { _ = who.Close() }() // the lease has a hold of its own
	if who.Caller.Unit != unit {
		return unit, fmt.Errorf("the process that asks for it is in %s", who.Caller.Unit)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	g, err := s.Credential(ctx, who.Caller)
	if err != nil {
		return unit, err
	}
	_, err = io.WriteString(c, g.Access.Reveal()) //nolint:forbidigo // handing it out is what this is for
	return unit, err
}

// Name is what a unit calls the credential.
const Name = "cloudlm-token"

var errAddress = errors.New("its address is not one that a service manager connects from, @HEX/unit/UNIT/CREDENTIAL")

// address is the address to which the service manager binds its end of a connection. It is
// abstract ("@" here) and has random digits, the unit that asks, and the unit's name of the
// credential.
var address = regexp.MustCompile(`^@[0-9a-f]{1,32}/unit/([!-.0-~]{1,255})/([!-.0-~]{1,255})$`)

func parseAddress(from string) (unit, name string, err error) {
	parts := address.FindStringSubmatch(from)
	if parts == nil {
		return "", "", errAddress
	}
	return parts[1], parts[2], nil
}
