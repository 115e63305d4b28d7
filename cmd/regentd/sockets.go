package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/coreos/go-systemd/v22/activation"

	"regent/agent"
	"regent/agent/authz"
	"regent/ipc/credential"
	"regent/platform/localsock"
	"regent/platform/peer"
)

// The names of the sockets in the package's socket units (FileDescriptorName=).
const (
	agentSocket      = "agent"      // the local interface
	credentialSocket = "credential" // for LoadCredential= of other units
)

// inheritedSockets are the listeners of the service manager, each nil if there is none. The
// service manager opens them before the daemon starts, and keeps them open while it
// restarts. A client that connects meanwhile waits.
type inheritedSockets struct{ agent, credential net.Listener }

// inheritSockets takes the sockets that the service manager passed. It works only once.
func inheritSockets() (inheritedSockets, error) {
	named, err := activation.ListenersWithNames()
	if err != nil {
		return inheritedSockets{}, fmt.Errorf("take the sockets of the service manager: %w", err)
	}
	return assignSockets(named)
}

// assignSockets refuses unknown and surplus sockets: their clients would wait for ever.
func assignSockets(named map[string][]net.Listener) (in inheritedSockets, err error) {
	for name, all := range named {
		switch {
		case name == agentSocket && len(all) == 1:
			in.agent = all[0]
		case name == credentialSocket && len(all) == 1:
			in.credential = all[0]
		default:
			err = errors.Join(err, fmt.Errorf("the service manager passed %d sockets named %q; set FileDescriptorName= of one socket unit to %s, and of at most one other to %s",
				len(all), name, agentSocket, credentialSocket))
		}
	}
	if err == nil {
		return in, nil
	}
	for _, all := range named {
		for _, ln := range all {
			err = errors.Join(err, ln.Close())
		}
	}
	return inheritedSockets{}, err
}

// listen returns the inherited listener of the local interface, or opens one at
// path.
func (in inheritedSockets) listen(path string) (net.Listener, error) {
	if in.agent != nil {
		return newReusableListener(in.agent)
	}
	return localsock.Listen(path)
}

// reusableListener is a listener of the service manager, which the process gets only once.
// Close ends the waiting of Accept, but keeps the socket open for the next run.
type reusableListener struct{ *net.UnixListener }

// newReusableListener returns ln so that it can be closed and used again, if it is a Unix
// socket.
func newReusableListener(ln net.Listener) (net.Listener, error) {
	u, ok := ln.(*net.UnixListener)
	if !ok {
		return ln, nil
	}
	return reusableListener{u}, u.SetDeadline(time.Time{})
}

// Accept implements [net.Listener].
func (l reusableListener) Accept() (net.Conn, error) {
	c, err := l.UnixListener.Accept()
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return nil, net.ErrClosed
	}
	return c, err
}

// Close implements [net.Listener].
func (l reusableListener) Close() error { return l.SetDeadline(time.Unix(1, 0)) }

// addCredentialLoop adds the loop for LoadCredential= of units, if the service manager
// passed a socket for it or path names one.
func (d *daemon) addCredentialLoop(loops []func(context.Context) error, in inheritedSockets, path string, log *slog.Logger) ([]func(context.Context) error, error) {
	s, err := credential.New(credential.Deps{
		Credential: d.agent.Credential, User: peer.UID, Identify: identifyUnit, Now: now, Log: log,
	})
	if err != nil {
		return nil, err
	}
	var ln net.Listener
	switch {
	case in.credential != nil:
		ln, err = newReusableListener(in.credential)
	case path != "":
		ln, err = localsock.Listen(path)
	default:
		return loops, nil
	}
	if err != nil {
		return nil, err
	}
	return append(loops, func(ctx context.Context) error { return s.Serve(ctx, ln) }), nil
}

// identifyUnit implements Identify of [credential.Deps].
func identifyUnit(c net.Conn) (credential.IdentifiedUnit, error) {
	p, err := peer.Identify(c)
	if err != nil {
		return credential.IdentifiedUnit{}, err
	}
	u, err := p.OpenUnit()
	if err := errors.Join(err, p.Close()); err != nil {
		return credential.IdentifiedUnit{}, err
	}
	return credential.IdentifiedUnit{
		Caller: agent.Caller{
			Caller:  authz.Caller{UID: p.UID, Unit: u.Name, Slices: u.Slices(), Start: u.ID, Weak: p.ByPID},
			Process: leaseHolder[*peer.Unit]{u}, Cgroup: u.Cgroup,
		},
		Close: u.Close,
	}, nil
}
