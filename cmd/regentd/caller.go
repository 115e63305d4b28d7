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

// callerResolver turns what the kernel says of a connection into the agent's caller.
type callerResolver struct {
	names      *peer.Names
	accounts   peer.Accounts
	images     *peer.Images
	daemonUser string // the daemon's user
	own        string // the same, if whoever has it administers; else ""
}

// newCallerResolver takes the uid of the daemon, negative on a system that has none, and
// a clock for its cache of names.
func newCallerResolver(uid int, now func() time.Time) *callerResolver {
	cs := &callerResolver{names: peer.NewNames(now), accounts: peer.Accounts{Now: now}, images: peer.NewImages(now)}
	own := strconv.Itoa(uid)
	if uid < 0 {
		own, _ = peer.Self() // "" administers nothing
	}
	cs.daemonUser = own
	// Who runs a daemon of their own administers it. The package's user is
	// nobody's own: it must not administer itself.
	if cs.names.User(own) != packageUser {
		cs.own = own
	}
	return cs
}

// identify is for [server.Deps].
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

// inspect is for [server.Deps].
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

// adopt is for [agent.Deps].
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

// evidence is a peer, with what is remembered of programs.
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

// handle is how the platform holds a process or a unit. D is what a second hold is.
type handle[D any] interface {
	Alive() error
	Duplicate() (D, error)
	Close() error
}

// leaseHolder is a handle, for leases.
type leaseHolder[D handle[D]] struct{ handle[D] }

// Duplicate implements [lease.Process].
func (h leaseHolder[D]) Duplicate() (lease.Process, error) {
	d, err := h.handle.Duplicate()
	if err != nil {
		return nil, fmt.Errorf("hold the process or unit: %w", err)
	}
	return leaseHolder[D]{d}, nil
}

var (
	_ server.IdentifiedCaller = (*attestedPeer)(nil)
	_ authz.Evidence          = evidence{}
)

// quotaOwner is for [server.Deps]: for whom a connection is counted.
func (cs *callerResolver) quotaOwner(c net.Conn) (server.Account, error) {
	uid, err := peer.UID(c)
	if err != nil {
		return server.Account{}, err
	}
	owner, known := cs.accounts.Owner(uid)
	return server.Account{Name: owner, Unknown: !known, Privileged: func() bool { return cs.privileged(c, uid) }}, nil
}

// privileged reports whether a connection may use what is reserved: root's, the
// daemon's own user's and those of operators, unless the process is apart from the
// system, as root of a container is. It gives no right to anything else. It is asked
// only when there is no room else, so it may take its time.
func (cs *callerResolver) privileged(c net.Conn, uid string) bool {
	if !cs.hasReserve(c, uid) {
		return false
	}
	p, err := peer.Identify(c)
	if err != nil {
		return false // neither could it be identified afterwards
	}
	defer p.Close() //nolint:errcheck // it was only looked at
	return p.Confinement().Difference == ""
}

// hasReserve reports whether a user is one for whom connections are reserved.
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
