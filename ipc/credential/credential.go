// Package credential gives access tokens to systemd, for units with LoadCredential=.
//
// The service manager connects and reads to the end. The address of its socket names the
// unit. The package does not depend on the operating system: it gets a listener, and
// functions that ask the kernel. It accepts only root.
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

	// The start of a unit waits for the answer: for a refresh or a redemption.
	answerTimeout    = 40 * time.Second
	maxConcurrent    = 64              // connections; more wait at the listener
	acceptRetryDelay = 1 * time.Second // before the next accept
)

// IdentifiedUnit is the unit of a connection. It keeps a handle of its process until Close.
type IdentifiedUnit struct {
	Caller agent.Caller
	Close  func() error
}

// Deps are the dependencies of a server. All are required.
type Deps struct {
	// Credential leases an instance to the unit and returns its token.
	Credential func(context.Context, agent.Caller) (agent.Grant, error)
	// User returns the user who made a connection.
	User func(net.Conn) (uid string, err error)
	// Identify returns the unit of the process that made a connection, for root only.
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

// Serve serves ln until ctx is done, and closes it. It returns after the last answer, with
// an error only if ln could not be closed.
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
				_ = c.Close() // too late
			}
			return <-closed
		}
		if err != nil {
			s.Log.WarnContext(ctx, "cannot accept a connection for a credential now", "err", err)
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

// serve answers one connection with a token, or with nothing.
func (s *Server) serve(ctx context.Context, c net.Conn) {
	defer func() { _ = c.Close() }() // nothing can be done about it
	_ = c.SetDeadline(s.Now().Add(answerTimeout))
	uid, err := s.User(c)
	if err != nil || uid != rootUID {
		// Any user can bind an address that names a unit. The level is off by default, so
		// that nobody can fill the log.
		s.Log.DebugContext(ctx, "another user than root asks for a credential", "uid", uid, "err", err)
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
		return unit, fmt.Errorf("it asks for the credential %s, but there is only %s", name, Name)
	}
	who, err := s.Identify(c)
	if err != nil {
		return unit, fmt.Errorf("find its cgroup: %w", err)
	}
	defer func() { _ = who.Close() }() // the lease has its own handle
	if who.Caller.Unit != unit {
		return unit, fmt.Errorf("the process that asks for it is in %s", who.Caller.Unit)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	g, err := s.Credential(ctx, who.Caller)
	if err != nil {
		return unit, err
	}
	_, err = io.WriteString(c, g.Access.Reveal()) //nolint:forbidigo // this call issues it
	return unit, err
}

// Name is the name of the credential in a unit.
const Name = "cloudlm-token"

var errAddress = errors.New("its address does not have the form of a service manager: @HEX/unit/UNIT/CREDENTIAL")

// address is the form of the service manager's address. It is abstract ("@" here), and has
// random digits, the unit, and the name of the credential.
var address = regexp.MustCompile(`^@[0-9a-f]{1,32}/unit/([!-.0-~]{1,255})/([!-.0-~]{1,255})$`)

func parseAddress(from string) (unit, name string, err error) {
	parts := address.FindStringSubmatch(from)
	if parts == nil {
		return "", "", errAddress
	}
	return parts[1], parts[2], nil
}
