package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"regent/agent"
	"regent/agent/authz"
	"regent/agent/lease"
	"regent/ipc/server"
	"regent/platform/peer"
)

// packageUser is the user that the package's unit runs as.
const packageUser = "regent"

// callerResolver identifies the caller of a connection from the facts of the kernel.
type callerResolver struct {
	names      *peer.Names
	accounts   peer.Accounts
	images     *peer.Images
	daemonUser string // the daemon's user
	own        string // the same if that user is an administrator; else ""
}

// newCallerResolver takes the uid of the daemon and a clock for its cache of names. A
// system without uids has a negative one.
func newCallerResolver(uid int, now func() time.Time) *callerResolver {
	cs := &callerResolver{names: peer.NewNames(now), accounts: peer.Accounts{Now: now}, images: peer.NewImages(now)}
	own := strconv.Itoa(uid)
	if uid < 0 {
		own, _ = peer.Self() // "" administers nothing
	}
	cs.daemonUser = own
	// The user of a daemon administers it. The package's user is no person, so it
	// must not administer itself.
	if cs.names.User(own) != packageUser {
		cs.own = own
	}
	return cs
}

// identify implements Identify of [server.Deps].
func (cs *callerResolver) identify(c net.Conn) (server.IdentifiedCaller, error) {
	p, err := peer.Identify(c)
	if errors.Is(err, peer.ErrExhausted) {
		return nil, fmt.Errorf("%w: %w", server.ErrExhausted, err)
	}
	if err != nil {
		return nil, err
	}
	return &attestedPeer{p, cs}, nil
}

// inspect implements IdentifyPID of [server.Deps].
func (cs *callerResolver) inspect(pid int) (server.IdentifiedCaller, error) {
	p, err := peer.Find(pid)
	if errors.Is(err, peer.ErrGone) {
		return nil, fmt.Errorf("there is no process %d", pid)
	}
	if err != nil {
		return nil, err
	}
	return &attestedPeer{p, cs}, nil
}

// adopt implements ReopenProcess of [agent.Deps].
func adopt(h lease.Holder) (lease.Process, error) {
	if h.Cgroup != "" {
		u, err := peer.OpenUnit(h.Cgroup, h.Start)
		if err != nil {
			return nil, err
		}
		return leaseHolder[*peer.Unit]{u}, nil
	}
	p, err := peer.Open(h.PID, h.Start)
	if err != nil {
		return nil, err
	}
	return leaseHolder[*peer.Process]{p}, nil
}

// attestedPeer is the peer of one connection.
type attestedPeer struct {
	*peer.Peer
	from *callerResolver
}

// Caller implements [server.IdentifiedCaller].
func (a *attestedPeer) Caller() agent.Caller {
	cs := a.from
	c := authz.Caller{
		UID: a.UID, User: cs.names.User(a.UID), GIDs: a.GIDs,
		PID: a.PID, ParentPID: a.ParentPID, Start: a.Start, Exe: a.Exe, Weak: a.ByPID,
		Evidence: evidence{a.Peer, cs},
	}
	for _, id := range a.GIDs {
		if name := cs.names.Group(id); name != "" {
			c.Groups = append(c.Groups, name)
		}
	}
	if c.Admin = c.IsAdministrator(a.Administers(), cs.own); c.Admin {
		capable := c.UID != "0" || c.IsOperator()
		c.Confined = sync.OnceValues(func() (apart, lacks string) {
			in := a.Confinement()
			if capable {
				in.MissingCapabilities = ""
			}
			return in.Difference, in.MissingCapabilities
		})
	}
	return agent.Caller{Caller: c, Process: leaseHolder[*peer.Process]{a.Peer}, Recheck: a.Recheck}
}

// evidence is a peer with the cache of programs.
type evidence struct {
	*peer.Peer
	known *callerResolver
}

// SHA256 implements [authz.Evidence].
func (e evidence) SHA256() (string, error) { return e.Peer.SHA256(e.known.images) }

// Signer implements [authz.Evidence].
func (e evidence) Signer() (authz.Signer, error) {
	s, err := e.Peer.Signer(e.known.images)
	return authz.Signer(s), err
}

// UserNamed implements [authz.Evidence].
func (e evidence) UserNamed(name string) (string, error) { return e.known.names.UserNamed(name) }

// GroupNamed implements [authz.Evidence].
func (e evidence) GroupNamed(name string) (string, error) { return e.known.names.GroupNamed(name) }

// handle is the platform's handle of a process or a unit. D is the type of its duplicate.
type handle[D any] interface {
	Alive() error
	Duplicate() (D, error)
	Close() error
	Number() uint64
}

// leaseHolder is a handle of a lease's holder.
type leaseHolder[D handle[D]] struct{ handle[D] }

// Duplicate implements [lease.Process].
func (h leaseHolder[D]) Duplicate() (lease.Process, error) {
	d, err := h.handle.Duplicate()
	if err != nil {
		return nil, fmt.Errorf("duplicate the handle of the process or unit: %w", err)
	}
	return leaseHolder[D]{d}, nil
}

var (
	_ server.IdentifiedCaller = (*attestedPeer)(nil)
	_ authz.Evidence          = evidence{}
)

// quotaOwner implements AccountOf of [server.Deps]: the account that a connection counts for.
func (cs *callerResolver) quotaOwner(c net.Conn) (server.Account, error) {
	uid, err := peer.UID(c)
	if err != nil {
		return server.Account{}, err
	}
	owner, known := cs.accounts.Owner(uid)
	return server.Account{Name: owner, Unknown: !known, Privileged: func() bool { return cs.privileged(c, uid) }}, nil
}

// privileged reports whether a connection may use the reserved connections. These are for
// root, the daemon's user and operators, but not for root in a container. It gives no other
// right. The server calls it only if no other connection is free, so it may be slow.
func (cs *callerResolver) privileged(c net.Conn, uid string) bool {
	if !cs.hasReserve(c, uid) {
		return false
	}
	p, err := peer.Identify(c)
	if err != nil {
		return false // the server could not identify it either
	}
	defer p.Close() //nolint:errcheck // it was only read
	return p.Confinement().Difference == ""
}

// hasReserve reports whether connections are reserved for a user.
func (cs *callerResolver) hasReserve(c net.Conn, uid string) bool {
	if uid == cs.daemonUser || slices.Contains(peer.Superusers(), uid) {
		return true
	}
	gids, err := peer.Groups(c)
	if err != nil {
		return false // this system cannot say, or the connection is gone
	}
	return slices.ContainsFunc(gids, func(gid string) bool { return cs.names.Group(gid) == authz.OperatorsGroup })
}
