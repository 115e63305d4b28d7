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

const (
	packageUser = "regent"           // whom the package's unit runs as
	operators   = "regent-operators" // the group of the administrators that are not root
)

// callers turns what the kernel says of a connection into the agent's caller.
type callers struct {
	names    *names
	accounts peer.Accounts
	digests  peer.Digests
	signers  *peer.Signers
	self     string // the daemon's user
	own      string // the same, if whoever has it administers; else ""
}

// newCallers takes the uid of the daemon, negative on a system that has none, and
// a clock for its cache of names.
func newCallers(uid int, now func() time.Time) *callers {
	cs := &callers{names: newNames(now), accounts: peer.Accounts{Now: now}, signers: peer.NewSigners(now)}
	own := strconv.Itoa(uid)
	if uid < 0 {
		own, _ = peer.Self() // "" administers nothing
	}
	cs.self = own
	// Who runs a daemon of their own administers it. The package's user is
	// nobody's own: it must not administer itself.
	if cs.names.user(own) != packageUser {
		cs.own = own
	}
	return cs
}

// identify is for [server.Deps].
func (cs *callers) identify(c net.Conn) (server.Attested, error) {
	p, err := peer.Of(c)
	if errors.Is(err, peer.ErrExhausted) {
		return nil, fmt.Errorf("%w: %w", server.ErrExhausted, err)
	}
	if err != nil {
		return nil, err
	}
	return &attested{p, cs}, nil
}

// inspect is for [server.Deps].
func (cs *callers) inspect(pid int) (server.Attested, error) {
	p, err := peer.Find(pid)
	if errors.Is(err, peer.ErrGone) {
		return nil, fmt.Errorf("there is no process %d", pid)
	}
	if err != nil {
		return nil, err
	}
	return &attested{p, cs}, nil
}

// adopt is for [agent.Deps].
func adopt(h lease.Holder) (lease.Process, error) {
	if h.Cgroup != "" {
		u, err := peer.OpenUnit(h.Cgroup, h.Start)
		if err != nil {
			return nil, err
		}
		return heldUnit{u}, nil
	}
	p, err := peer.Open(h.PID, h.Start)
	if err != nil {
		return nil, err
	}
	return heldProcess{p}, nil
}

// attested is the peer of one connection.
type attested struct {
	*peer.Peer
	from *callers
}

// Caller implements [server.Attested].
func (a *attested) Caller() agent.Caller {
	cs := a.from
	c := authz.Caller{
		UID: a.UID, User: cs.names.user(a.UID), GIDs: a.GIDs,
		PID: a.PID, ParentPID: a.ParentPID, Start: a.Start, Exe: a.Exe, Weak: a.Weak,
		Evidence: evidence{a.Peer, cs},
	}
	for _, id := range a.GIDs {
		if name := cs.names.group(id); name != "" {
			c.Groups = append(c.Groups, name)
		}
	}
	if c.Admin = administers(c, cs.own); c.Admin {
		capable := c.UID != "0" || slices.Contains(c.Groups, operators)
		c.Confined = sync.OnceValues(func() (apart, lacks string) {
			in := a.Confinement()
			if capable {
				in.Lacks = ""
			}
			return in.Apart, in.Lacks
		})
	}
	return agent.Caller{Caller: c, Process: heldProcess{a.Peer}, Recheck: a.Recheck}
}

// administers says who may administer: whom the system lets do everything anyway,
// the operators, and the daemon's own user where that is a person.
func administers(c authz.Caller, own string) bool {
	return peer.Identity{UID: c.UID, GIDs: c.GIDs}.Administers() ||
		own != "" && c.UID == own || slices.Contains(c.Groups, operators)
}

// evidence is a peer, with what is remembered of programs.
type evidence struct {
	*peer.Peer
	known *callers
}

// SHA256 implements [authz.Evidence].
func (e evidence) SHA256() (string, error) { return e.Peer.SHA256(&e.known.digests) }

// Signer implements [authz.Evidence].
func (e evidence) Signer() (authz.Signer, error) {
	s, err := e.Peer.Signer(e.known.signers)
	if err != nil {
		return authz.Signer{}, err
	}
	subject := make([]authz.Attribute, len(s.Subject))
	for i, a := range s.Subject {
		subject[i] = authz.Attribute(a)
	}
	return authz.Signer{Certificate: s.Certificate, Subject: subject}, nil
}

// UserNamed implements [authz.Evidence].
func (e evidence) UserNamed(name string) (string, error) { return e.known.names.userNamed(name) }

// GroupNamed implements [authz.Evidence].
func (e evidence) GroupNamed(name string) (string, error) { return e.known.names.groupNamed(name) }

// holdable is what a peer and a hold of it have in common.
type holdable interface {
	Alive() error
	Hold() (*peer.Process, error)
	Close() error
}

// heldProcess is a peer, or a hold of one, for leases.
type heldProcess struct{ holdable }

// Hold implements [lease.Process].
func (p heldProcess) Hold() (lease.Process, error) {
	h, err := p.holdable.Hold()
	if err != nil {
		return nil, fmt.Errorf("hold process: %w", err)
	}
	return heldProcess{h}, nil
}

var (
	_ server.Attested = (*attested)(nil)
	_ authz.Evidence  = evidence{}
	_ lease.Process   = heldProcess{}
)
