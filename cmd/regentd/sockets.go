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

// The names that the package's socket units give to what they open
// (FileDescriptorName=).
const (
	agentSocket      = "agent"      // the local interface
	credentialSocket = "credential" // for LoadCredential= of other units
)

// inheritedSockets are the listeners that the service manager opened before the daemon
// was started, and keeps open while it is not there: who connects then waits,
// and is not refused. Each is nil if there is none.
type inheritedSockets struct{ agent, credential net.Listener }

// inheritSockets takes what the service manager has passed on. It can be done once.
func inheritSockets() (inheritedSockets, error) {
	named, err := activation.ListenersWithNames()
	if err != nil {
		return inheritedSockets{}, fmt.Errorf("take the sockets of the service manager: %w", err)
	}
	return assignSockets(named)
}

// assignSockets refuses what nobody would serve: its clients would wait for ever.
func assignSockets(named map[string][]net.Listener) (in inheritedSockets, err error) {
	for name, all := range named {
		switch {
		case name == agentSocket && len(all) == 1:
			in.agent = all[0]
		case name == credentialSocket && len(all) == 1:
			in.credential = all[0]
		default:
			err = errors.Join(err, fmt.Errorf("the service manager passed %d sockets named %q; there may be one named %s (FileDescriptorName=) and one named %s",
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

// reusableListener is the service manager's listener for one life of the daemon: closing it
// only ends that life's waiting, since it can be had only once.
type reusableListener struct{ *net.UnixListener }

// newReusableListener returns ln for one life, if it can be had for another one after.
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

// addCredentialLoop adds the loop that serves the service manager's units, if it has
// passed on a socket for that or one is asked for.
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

// identifyUnit is for [credential.Deps].
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
