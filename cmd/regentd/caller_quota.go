package main

import (
	"net"
	"slices"

	"regent/ipc/server"
	"regent/platform/peer"
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
	return slices.ContainsFunc(gids, func(gid string) bool { return cs.names.group(gid) == operatorsGroup })
}
