package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"

	"regent/platform/localsock"
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
